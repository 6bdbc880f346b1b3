"""Polar words: what turns the meaning of a sentence, in English, German, French and Spanish.

Short lists of common words on purpose. What is in none of them is compared as a word like others.
"""

from __future__ import annotations

from agents.language import stem


def _listed(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.casefold().split())


PLAIN_NEGATORS = _listed(
    "not no never none nobody nothing nowhere neither nor cannot hardly rarely seldom barely",
    "scarcely non nicht kein keine keinen keinem keiner keines nie niemals niemand nichts",
    "nirgends weder noch kaum",
    "pas jamais aucun aucune rien personne ni guère",
    "no nunca jamás ningún ninguna ninguno nadie nada tampoco",
)
"""Several of them in a clause negate it once: "no ... nada", "nobody ... never"."""
LEXICAL_NEGATORS = _listed(
    "without fail fails failed lack lacks lacked lacking unable absence refuse refuses refused",
    "ohne mangels unfähig fehlt fehlen",
    "sans manque",
    "sin carece carecen",
)
"""Each turns what follows once more: "not without"."""
PARTNERS = {"jamais": "ne", "rien": "ne", "personne": "ne", "noch": "weder"}
"""Negators that are one behind such a word alone."""
COMPARATIVES = _listed("more less fewer greater higher lower later earlier longer mehr weniger")
"""Behind a negator and before `than` they make a bound."""
NEGATED_ONLY = _listed("only just merely solely nur seulement solo sólo solamente")
"""Behind `not` these add something instead of taking it away."""
BREAKS = _listed(
    "but however although though whereas while because instead",
    "aber sondern jedoch obwohl während weil",
    "mais cependant tandis parce",
    "pero sino aunque mientras porque",
)
"""A negation ends before them."""
PREFIXES = ("non", "dis", "un", "in", "im", "ir", "il")
"""Beginnings that turn a word: unstable, independent, impossible."""

_AXES = {
    "amount": (
        "increase increases rise raise rose grow growth gain higher high more greater larger "
        "elevate enhance boost promote upregulate induce stimulate augment amplify expand "
        "accelerate strengthen erhöhen erhöht steigen steigt steigern zunehmen höher größer "
        "mehr augmenter augmente accroître hausse élevé aumentar aumenta subir incrementar más "
        "/ decrease decreases reduce reduction decline drop fall fell lower low less fewer "
        "smaller diminish inhibit suppress downregulate impair block prevent attenuate weaken "
        "abolish lose loss shrink hinder impede disrupt protect alleviate ameliorate mitigate "
        "blunt senken sinken sinkt verringern abnehmen weniger niedriger kleiner reduzieren "
        "diminuer diminue baisser baisse réduire moins disminuir bajar reducir menos menor"
    ),
    "quality": (
        "improve better best benefit beneficial superior effective besser verbessern meilleur "
        "améliorer mejor mejorar / worsen worse worst harm harmful deteriorate inferior "
        "ineffective aggravate schlechter verschlechtern pire aggraver peor empeorar"
    ),
    "order": (
        "before earlier prior previously avant vorher antes / after later afterwards "
        "subsequently après danach después"
    ),
    "limit": "minimum min minimal mindestens mínimo / maximum max maximal höchstens máximo",
    "permission": (
        "allow permit accept authorize erlauben erlaubt gestattet autoriser permettre permitir "
        "/ forbid forbidden prohibit deny reject ban disallow verboten verbieten untersagt "
        "interdit interdire prohibir prohibido"
    ),
    "switch": (
        "enable enabled activate aktivieren activer activar / disable disabled deactivate "
        "deaktivieren désactiver desactivar"
    ),
    "inclusion": (
        "include contain present enthalten inclure incluir / exclude omit absent ausgenommen "
        "exclure excluir"
    ),
    "opening": (
        "open opened opens offen geöffnet ouvert abierto / close closed closes shut geschlossen "
        "fermé cerrado"
    ),
    "beginning": (
        "start begin begins began beginnt commence empieza / stop end ends ended finish endet "
        "termine termina"
    ),
    "success": "succeed success successful erfolgreich / failure unsuccessful",
    "truth": (
        "true correct right wahr richtig vrai correcto verdadero / false incorrect wrong falsch "
        "faux falso"
    ),
    "likeness": (
        "same equal identical gleich même mismo / different differ unequal verschieden "
        "différent diferente"
    ),
    "sign": "positive positively / negative negatively inverse inversely",
    "safety": (
        "safe secure sicher sûr seguro / dangerous unsafe hazardous insecure gefährlich "
        "dangereux peligroso"
    ),
    "duty": (
        "required mandatory compulsory obligatory erforderlich obligatoire obligatorio / "
        "optional voluntary facultatif opcional"
    ),
    "rank": "first erste premier primero / last final letzte dernier último",
    "place": (
        "internal inside within innen interne interno / external outside außen externe externo"
    ),
    "reach": "public öffentlich publique público / private privat privé privado",
    "price": "free gratis kostenlos gratuit gratuito / paid chargeable kostenpflichtig payant",
    "heat": "hot warm heiß chaud caliente / cold cool kalt froid frío",
    "side": "left links gauche izquierda / right rechts droite derecha",
    "height": "top above upper oben / bottom below unten",
    "age": "new newer young neu nouveau nuevo / old older alt ancien viejo",
    "length": "long longer lang / short shorter kurz",
    "strength": "strong stronger stark fort fuerte / weak weaker schwach faible débil",
    "speed": "fast faster quick schnell rapide rápido / slow slower langsam lent lento",
    "effort": "easy simple einfach facile fácil / hard difficult schwierig difficile difícil",
    "cost": "cheap cheaper billig / expensive costly teuer cher caro",
    "filling": "full voll plein lleno / empty leer vide vacío",
    "presence": (
        "add append insert hinzufügen ajouter añadir / remove delete erase löschen supprimer "
        "eliminar"
    ),
    "setting up": "install installieren installer instalar / uninstall",
    "traffic": "upload import importieren / download export exportieren",
    "secrecy": "encrypt verschlüsseln / decrypt entschlüsseln",
    "latitude": "north northern / south southern",
    "longitude": "east eastern / west western",
    "sex": "male men man / female women woman",
    "day": (
        "Monday Montag lundi lunes / Tuesday Dienstag mardi martes / Wednesday Mittwoch "
        "mercredi miércoles / Thursday Donnerstag jeudi jueves / Friday Freitag vendredi "
        "viernes / Saturday Samstag samedi sábado / Sunday Sonntag dimanche domingo"
    ),
}
SHORT = 3  # letters up to which a word is known as it is written alone: its stem says too little
NOT_POLAR = frozenset({"highly", "newly", "hardly"})
"""Words that say something else than what they are formed of."""


def _by_form(axes: dict[str, str]) -> dict[str, tuple[str, int]]:
    """Find axis and place of a word by itself or, where it is long enough, by its stem."""
    return {
        (word.casefold() if len(word) <= SHORT else stem(word)): (axis, place)
        for axis, words in axes.items()
        for place, group in enumerate(words.split("/"))
        for word in group.split()
    }


AXES = _by_form(_AXES)
"""A short word or a stem -> its axis and where it stands there; two places exclude each other."""

QUANTIFIERS = {
    word: kind
    for kind, words in {
        "all": (
            "all every each always alle jede jeder jedes immer tous toutes chaque toujours todos "
            "todas cada siempre"
        ),
        "most": "most usually often mostly meist meistens oft souvent généralement generalmente",
        "some": (
            "some several sometimes certain occasionally einige manche manchmal quelques certains "
            "parfois algunos"
        ),
        "only": (
            "only solely exclusively nur ausschließlich lediglich seulement uniquement sólo "
            "solamente únicamente"
        ),
    }.items()
    for word in words.casefold().split()
}
MODALS = {
    word: kind
    for kind, words in {
        "must": "must shall muss müssen musst doit doivent debe deben",
        "should": "should ought recommended sollte sollten devrait devraient debería deberían",
        "may": (
            "may can could might cannot darf dürfen kann können könnte peut peuvent pourrait "
            "puede pueden podría"
        ),
    }.items()
    for word in words.casefold().split()
}
CONDITIONS = {
    word: kind
    for kind, words in {
        "if": "if provided falls sofern wenn solange si",
        "unless": "unless except außer sauf excepto salvo",
    }.items()
    for word in words.casefold().split()
}


def axis_of(word: str) -> tuple[str, int] | None:
    """Return axis and place of a word with its case folded; None for most words."""
    if word in NOT_POLAR:
        return None
    return AXES.get(word if len(word) <= SHORT else stem(word))


def without_prefix(word: str) -> str:
    """Return the stem of a word without its negating beginning; nothing where it has none."""
    if not word.startswith(PREFIXES):
        return ""
    for prefix in PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= 4:
            return stem(word[len(prefix) :].lstrip("-"))
    return ""
