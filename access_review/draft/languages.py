"""Headers in other languages, as the English words that stand for the same.

They are French, Spanish, Portuguese, Italian, Polish, Dutch, Japanese, and of German what the hints themselves do not have. Only
what headers of people and access lists are called; a word that means several things has the English one that does so too.
"""

import re
import unicodedata

_NUMBER = r"(n|no|nr|nro|num|numero|numer|cod|codigo|codice|id)"
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
    # What ends and begins, and is no employment: before the dates, whose words these have in them.
    (
        r"(periode d essai|periodo de prueba|periodo di prova|(periodo de )?experiencia|okres\w* prob\w*|proeftijd|probezeit)",
        "probation",
    ),
    (
        r"(conges?( \w*(ite|maladie|parental|sans solde|payes?))?|arret( de travail| maladie)?|maternite|paternite)",
        "absence",
    ),
    (
        r"(fecha (de |del )?|data (de |di )?)?baja (medica|laboral|temporal|maternal|paternal|it|por (enfermedad|accidente|maternidad|paternidad))",
        "absence",
    ),
    (
        r"(vacaciones|excedencia|licencia|incapacidad|maternidade?|paternidade?|ferias|licenca|ferie|aspettativa)",
        "absence",
    ),
    (r"(malattia|maternita|paternita|urlop\w*|zwolnieni[ea] lekarski\w+|verlof|vakantie|ziekte)", "absence"),
    (r"(elternzeit|mutterschutz\w*|pflegezeit|freistellung|beurlaub\w*|krank\w*)", "absence"),
    (
        r"(titre de sejour|carte de sejour|autorisation de travail|permiso (de )?(trabajo|residencia)|visado|visto)",
        "permit",
    ),
    (r"(permesso di soggiorno|zezwoleni[ea] na prace|visum|visa|verblijfsvergunning|werkvergunning)", "permit"),
    (r"(aufenthalt\w*|arbeitserlaubnis)", "permit"),
    # Who.
    (
        rf"({_NUMBER} )?(de |do |du )?(matricule|matricula|matricola|legajo)( (du )?(salarie|agent|employe|collaborateur))?",
        "employee id",
    ),
    (r"(pnr|anstaellningsn(ummer|r)|ansattnummer|medarbejdernummer)", "employee id"),
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
    (r"(prenoms?|nombres|imie|voornaam|foernamn|fornavn)", "first name"),
    (
        r"(familienname|efternamn|efternavn|etternavn|apellidos?|sobrenome|apelido|cognome|nazwisko|achternaam|nom de famille|nom)",
        "last name",
    ),
    (r"(nome|nombre|naam)", "name"),
    (r"(responsable|superieur)( hierarchique)?|jefe( directo)?|gestor(a)?( direto)?|gerente|chefia|chefe", "manager"),
    (r"(responsabile|superiore)( diretto)?|(bezposredni )?przelozon[ya]|kierownik|leidinggevende", "manager"),
    # Their work.
    (r"date (d |de |du )?(entree|embauche|arrivee|debut)( de contrat)?", "start date"),
    (r"f(echa)? (de |del )?(ingreso|alta|inicio|contratacion|entrada|incorporacion)", "start date"),
    (r"data (de |di |do )?(admissao|inicio|entrada|contratacao|assunzione|inizio|ingresso)", "start date"),
    (
        r"data (zatrudnienia|rozpoczecia( pracy)?|przyjecia)|(datum )?in dienst|indiensttreding|startdatum|begindatum",
        "start date",
    ),
    (r"(date (de |du |d )?(sortie|depart|fin)( de contrat)?|fin de contrat)", "last day"),
    (r"f(echa)? (de |del )?(baja|cese|salida|fin|finalizacion|termino|egreso)( (de |del )?contrato)?", "last day"),
    (
        r"data (de |di |do )?(demissao|desligamento|rescisao|saida|fim|termino|cessazione|uscita|fine( rapporto)?)",
        "last day",
    ),
    (r"data (zwolnienia|zakonczenia( pracy)?|rozwiazania( umowy)?|odejscia)|(datum )?uit dienst|einddatum", "last day"),
    (
        r"(vertragsende|letzter arbeitstag|dienstende|ende (des )?(arbeits|dienst|beschaeftigungs)verhaeltnisses)",
        "last day",
    ),
    (r"(situacao|situacion|estado|etat|stato|statut)", "status"),
    (
        r"(departamento|departement|dipartimento|service(?! accounts?)|dzial|reparto|afdeling|setor|komorka organizacyjna)",
        "department",
    ),
    (r"(poste|emploi|puesto|cargo|stanowisko|mansione|qualifica|functie|metier)", "title"),
    (r"(anstaellningsdatum)", "start date"),
    (r"(slutdatum|sista anstaellningsdag|sluttdato)", "last day"),
    (r"(avdelning|afdeling|avdeling|wydzial|departamentos)", "department"),
    (r"(befattning|stilling|designation|planstelle)", "title"),
    (r"(org(anisations)? ?einheit|oe bezeichnung)", "department"),
    (r"(equipe|equipo)", "team"),
    (r"(ubicacion)", "location"),
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
    # Japanese, which puts no spaces between words.
    (r"(生年月日|誕生日)", "birth"),
    (r"(性別)", "sex"),
    (r"(給与|給料|基本給|年収|賃金|賞与)", "salary"),
    (r"(電話(番号)?|携帯(電話|番号)?|内線)", "phone"),
    (r"(郵便番号)", "postcode"),
    (r"(住所|現住所)", "address"),
    (r"(マイナンバー|個人番号)", "ssn"),
    (r"((社員|従業員|職員|人事)(番号|コード|no|id)|社番)", "employee id"),
    (r"((社員|従業員|職員)?(氏名|名前)|社員名|従業員名|表示名)", "full name"),
    (r"(姓|苗字|名字)", "last name"),
    (r"(名)", "first name"),
    (r"(フリガナ|ふりがな|カナ|ヨミガナ|読み(仮名|方)|(氏名|名前|姓|名)?(カナ|かな)|カナ氏名|旧姓)", "known as"),
    (r"((会社|社内)?(メール|eメール|電子メール)(アドレス)?)", "email"),
    (r"((直属)?(上司|上長)(社員番号|番号|コード|id|名|氏名)?|マネージャー?)", "manager"),
    (r"(試用期間(終了|満了)?(年月)?日?)", "probation"),
    (r"((休職|休業|産休|育休|育児休業|休暇)(開始|終了|予定|復職)?(年月)?日?|復職(年月)?日)", "absence"),
    (r"(在留(期限|期間|資格)\w*|ビザ\w*)", "permit"),
    (r"((入社|入職|採用|雇用開始)(年月)?日)", "start date"),
    (r"((退職|退社|離職|雇用終了|契約終了|契約満了|最終(出勤|出社|勤務))(年月)?日)", "last day"),
    (r"((在籍|在職|就業|勤務)(状況|区分|状態|ステータス)|ステータス|状態)", "status"),
    (r"(所属(部署|部門|名|組織)?|部署(名)?|部門(名)?|組織(名)?)", "department"),
    (r"(役職(名)?|職位|職種|職務|肩書)", "title"),
    (r"((雇用|契約)(形態|区分|種別)|(社員|従業員)区分)", "contract type"),
    (r"(勤務地|勤務先|事業所(名)?|拠点(名)?)", "location"),
    (r"(国(名)?)", "country"),
    (r"((ユーザー?|ログイン|アカウント|利用者)(名|id)?)", "user"),
    (r"(グループ(名)?)", "group"),
    (r"(権限(名)?)", "permission"),
    (r"(ロール(名)?|役割)", "role"),
    (r"(アプリ(ケーション)?(名)?|システム(名)?)", "application"),
    (r"(最終(ログイン|利用|アクセス|サインイン|使用)(日時?|時刻|年月日)?)", "last used"),
    (r"(有効期限)", "valid until"),
)
_KNOWN = tuple((re.compile(rf"\b(?:{phrase})\b"), english) for phrase, english in _PHRASES)
_VOICED = "\u3099\u309a"
"""Marks that make another letter of a kana."""
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "đ": "d"})


def folded(words: str) -> str:
    """Return small words without the marks of their letters: ``Prénom`` is ``prenom``, ``Führungskraft`` ``fuehrungskraft``."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", words).casefold().translate(_LETTERS))
    kept = "".join(letter for letter in apart if letter in _VOICED or not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", kept)


def in_english(header: str) -> str:
    """Return small plain words with those of other languages as English ones."""
    for place, (phrase, _) in enumerate(_KNOWN):
        # What has become English stays: no later phrase may find a word in it.
        header = phrase.sub(f"\0{place}\0", header)
    return re.sub("\0(\\d+)\0", lambda found: _KNOWN[int(found[1])][1], header)
