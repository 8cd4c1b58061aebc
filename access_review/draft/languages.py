"""Headers in other languages, as the English words that stand for the same.

They are French, Spanish, Portuguese, Italian, Polish, Dutch, and of German what the hints themselves do not have. Only what
headers of people and access lists are called; a word that means several things has the English one that does so too.
"""

import re
import unicodedata

_NUMBER = r"(n|no|nr|num|numero|numer|codigo|codice|id)"
_PHRASES: tuple[tuple[str, str], ...] = (
    # About the person, which is never an attribute: before the words that these begin with.
    (
        r"(date de naissance|fecha de nacimiento|data de nascimento|data di nascita|data urodzenia|geboortedatum)",
        "birth",
    ),
    (r"(etat civil|estado civil|stato civile|stan cywilny|familienstand|burgerlijke staat)", "marital"),
    (r"(sexe|sexo|sesso|plec|geslacht|geschlecht)", "sex"),
    (r"(salaires?|salarios?|stipendio|retribuzione|wynagrodzenie|pensja|salaris)", "salary"),
    (
        r"(nationalite|nacionalidad|nacionalidade|nazionalita|obywatelstwo|nationaliteit|staatsangehoerigkeit)",
        "citizen",
    ),
    (r"(pesel|codice fiscale|dni|nif|cpf)", "ssn"),
    (r"(code postal|codigo postal|kod pocztowy|postleitzahl|plz)", "postcode"),
    (r"(telephone|telefono|telefone|telefon\w*|telefoon|cellulare|celular)", "phone"),
    (
        r"((adresse|adres|direccion|endereco|indirizzo) (de |di )?(e )?(mail|email|messagerie)|courriel|correo( electronico)?)",
        "email",
    ),
    (r"(adresse|adres|direccion|endereco|indirizzo)", "address"),
    # Who.
    (rf"({_NUMBER} )?(de |do |du )?(matricule|matricula|matricola|legajo)", "employee id"),
    (
        rf"{_NUMBER} (de |do |du )?(salarie|employe|agent|empleado|trabajador|funcionario|colaborador|dipendente)",
        "employee id",
    ),
    (rf"{_NUMBER} (ewidencyjny|pracownika|kadrowy|osobowy)", "employee id"),
    (r"(personeels|medewerker)( ?nummer| ?nr| ?id)", "employee id"),
    (r"(nom et prenom|prenom et nom|nom prenom|prenom nom|nom complet)", "full name"),
    (r"(nombres? (y |e )?apellidos?|apellidos? (y |e )?nombres?|nombre completo|nome completo)", "full name"),
    (r"(cognome (e )?nome|nome e cognome|nominativo|imie i nazwisko|nazwisko i imie|volledige naam)", "full name"),
    (r"(name vorname|vorname (und )?nachname|nachname vorname|vor und nachname)", "full name"),
    (r"(prenoms?|nombres|imie|voornaam)", "first name"),
    (r"(apellidos?|sobrenome|apelido|cognome|nazwisko|achternaam|nom de famille|nom)", "last name"),
    (r"(nome|nombre|naam)", "name"),
    (r"(responsable|superieur)( hierarchique)?|jefe( directo)?|gestor(a)?( direto)?|gerente|chefia|chefe", "manager"),
    (r"(responsabile|superiore)( diretto)?|(bezposredni )?przelozon[ya]|kierownik|leidinggevende", "manager"),
    # Their work.
    (r"date (d |de |du )?(entree|embauche|arrivee|debut)( de contrat)?", "start date"),
    (r"fecha (de |del )?(ingreso|alta|inicio|contratacion|entrada|incorporacion)", "start date"),
    (r"data (de |di |do )?(admissao|inicio|entrada|contratacao|assunzione|inizio|ingresso)", "start date"),
    (
        r"data (zatrudnienia|rozpoczecia( pracy)?|przyjecia)|(datum )?in dienst|indiensttreding|startdatum|begindatum",
        "start date",
    ),
    (r"(date (de |du |d )?(sortie|depart|fin)( de contrat)?|fin de contrat)", "last day"),
    (r"fecha (de |del )?(baja|cese|salida|fin|termino|egreso)( (de )?contrato)?", "last day"),
    (
        r"data (de |di |do )?(demissao|desligamento|rescisao|saida|fim|termino|cessazione|uscita|fine( rapporto)?)",
        "last day",
    ),
    (r"data (zwolnienia|zakonczenia( pracy)?|rozwiazania( umowy)?|odejscia)|(datum )?uit dienst|einddatum", "last day"),
    (r"(situacao|situacion|estado|etat|stato|statut)", "status"),
    (
        r"(departamento|departement|dipartimento|service(?! accounts?)|dzial|reparto|afdeling|setor|komorka organizacyjna)",
        "department",
    ),
    (r"(poste|emploi|puesto|cargo|stanowisko|mansione|qualifica|functie|metier)", "title"),
    (r"(lieu( de travail)?|etablissement|sede|lokalizacja|localidade?|vestiging|miejsce pracy)", "location"),
    (r"(type (de )?contrat|tipo (de |di )?(contrato|contratto)|rodzaj umowy|vertragsart)", "contract type"),
    (r"(centre de couts?|centro de (coste|costo|custo)s?|centro di costo|mpk|kostenplaats)", "cost center"),
    (r"(pays|pais|paese|kraj)", "country"),
    # Their access.
    (r"(identifiant( de connexion)?|utilisateur|utilizador|uzytkownik|nazwa uzytkownika|nome utente|utente)", "user"),
    (r"(compte|cuenta|conta|konto|gebruiker(snaam)?)", "user"),
    (r"(member( name)?(?! (name|of|role|type|status)\b)|membre|miembro|membro|czlonek|mitglied|lid)", "user"),
    (r"(porteur|titulaire|titular|posiadacz|\w*inhaber|(card|badge) ?holder|holder)", "user"),
    (r"(groupes?|grupos?|grupp[oi]|grup[ay]|groep(en)?)", "group"),
    (r"(habilitations?|droits?( d acces)?|perfil|perfis|permisos?|permissoes|permissao|permess[oi])", "permission"),
    (r"(uprawnieni[ea]|autorizzazion[ei]|autorisations?|rechten|profils?)", "permission"),
    (r"(funcao|ruolo|rola|rol|papel)", "role"),
    (r"(?<!time )(zones?( d acces)?|zonas?|strefa|porta|puerta|porte|drzwi|tuer)", "door"),
    (r"(aplicacao|aplicacion|aplikacja|applicazione|toepassing|anwendung)", "application"),
    (
        r"(valide|valable|valido|valida|wazn[aey]|gueltig|geldig) (jusqu ?a?u?|ate|hasta|fino al?|do|bis|tot)( le)?",
        "valid until",
    ),
    (r"(valide|valable|valido|valida|wazn[aey]|gueltig|geldig) (depuis|du|desde|dal|od|ab|von|vanaf)", "valid from"),
    (
        r"(derniere?|ultim[oa]|ostatnie?|laatste?) (passage|acces|connexion|utilisation|acc?esso|acceso|uso|conexion|login)",
        "last used",
    ),
    (
        r"(ostatnie?|laatste?) (logowanie|uzycie|wejscie|dostep|aanmelding|gebruik)",
        "last used",
    ),
)
_KNOWN = tuple((re.compile(rf"\b(?:{phrase})\b"), english) for phrase, english in _PHRASES)
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "đ": "d"})


def folded(words: str) -> str:
    """Return small words without the marks of their letters: ``Prénom`` is ``prenom``, ``Führungskraft`` ``fuehrungskraft``."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", words).casefold().translate(_LETTERS))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def in_english(header: str) -> str:
    """Return small plain words with those of other languages as English ones."""
    for place, (phrase, _) in enumerate(_KNOWN):
        # What has become English stays: no later phrase may find a word in it.
        header = phrase.sub(f"\0{place}\0", header)
    return re.sub("\0(\\d+)\0", lambda found: _KNOWN[int(found[1])][1], header)
