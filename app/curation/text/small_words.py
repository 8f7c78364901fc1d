"""The commonest small words of the languages that short texts are mostly in."""

from collections.abc import Mapping
from typing import Final

_LISTS = {
    "en": "the of and to a in is that it for on "
    "as with be by are or which his her their this shall",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o ni sus",
    "fr": "de la le et les des en un du une que est "
    "pour qui dans par sur au il ne se pas son ou ni",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als oder",
    "it": "di e il la che in un a per è una sono con non si da della al le dei o i gli nel nella",
    "pt": "de a o que e do da em um para com não uma os no se na por mais as dos das ou ao seu sua",
    "af": "die van en in is het nie wat vir op te met aan deur sy om as ook "
    "hierdie word moet kan of wees reg elke",
    "nl": "de van het een en in te dat op is voor met zijn aan niet die of om door bij als deze",
}
SMALL_WORDS: Final[Mapping[str, frozenset[str]]] = {
    code: frozenset(words.split()) for code, words in _LISTS.items()
}
