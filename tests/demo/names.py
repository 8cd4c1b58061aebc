"""Common given and family names of the three countries, put together by chance: nobody is meant."""

from tests.demo import seeded

_GIVEN = {
    "Manila": "Ana Benjo Carla Dario Elisa Gino Hazel Ivan Jessa Karlo Liza Marco Nina Paolo Rhea Tomas",
    "Kraków": "Adam Beata Celina Dawid Ewa Filip Hanna Igor Julia Kamil Lena Marek Nadia Oskar Paweł Zofia",
    "Bogotá": "Andrés Camila Diego Elena Felipe Gloria Hugo Inés Jorge Lucía Mateo Noelia Óscar Pilar Raúl Sofía",
}
_FAMILY = {
    "Manila": (
        "Abad Bautista Cruz Dizon Estrada Flores Garcia Ilagan Lazaro Mendoza Ocampo Pineda Reyes Salazar Tolentino Villar"
    ),
    "Kraków": "Bielak Czapla Dudek Fijak Gawron Jasny Kos Lisek Mazur Nowicki Osika Pawlak Rybak Sowa Tomczak Zych",
    "Bogotá": "Acosta Barrera Castro Duarte Escobar Forero Gil Herrera Lozano Mora Niño Ortega Pardo Rojas Silva Vargas",
}


def of(key: str, site: str) -> str:
    """Return a name as they are common at a site."""
    return f"{seeded.pick(f'given/{key}', _GIVEN[site].split())} {seeded.pick(f'family/{key}', _FAMILY[site].split())}"
