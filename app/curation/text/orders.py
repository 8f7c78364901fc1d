"""Places of a text that speak to the model that will read or grade it."""

import re

# Families after the published taxonomies of prompt injection (Perez and Ribeiro, arXiv 2211.09527:
# goal hijacking and prompt leaking; OWASP LLM01), in own words.
_OVERRIDE = (
    r"(?:ignore|disregard|forget|override|bypass|skip)\s+(?:\w+\s+){0,3}?"
    r"(?:previous|above|prior|earlier|preceding|foregoing|initial|system|all|any|these|your)\s+"
    r"(?:\w+\s+){0,2}?(?:instructions?|prompts?|rules?|guidelines?|directions?|commands?|criteria)"
)
_ROLE = (
    r"you\s+are\s+(?:now|no\s+longer)\s+(?:a|an|the|in|dan|bound|restricted)\b"
    r"|(?:enter|enable|activate)\s+(?:developer|god|dan|jailbreak|admin)\s+mode"
    r"|pretend\s+(?:that\s+)?you\s+(?:have\s+no|are\s+not\s+bound)"
)
_LEAK = (
    r"(?:reveal|print|repeat|show|output|leak)\s+(?:\w+\s+){0,3}?"
    r"(?:system\s+prompt|hidden\s+prompt|initial\s+instructions|your\s+instructions)"
)
_GRADE = (
    r"(?:give|assign|award|rate|grade|score|mark)\s+(?:\w+\s+){0,5}?"
    r"(?:the\s+)?(?:highest|maximum|max|perfect|full|top|best)\s+(?:possible\s+)?"
    r"(?:score|rating|grade|marks?|points?)"
    r"|(?:give|assign|award|output|return|respond\s+with|score|rate)\s+(?:\w+\s+){0,4}?"
    r"(?:a\s+)?(?:score|rating|grade)?\s*(?:of\s+)?(?:5|10|100)\s*(?:/|out\s+of)\s*(?:5|10|100)"
    r"|\b(?:note|message|instructions?)\s+(?:to|for)\s+(?:the\s+)?(?:ai\s+)?"
    r"(?:grader|judge|evaluator|reviewer|rater|annotator)\b"
)
_MARKUP = (
    r"<\|(?:im_start|im_end|system|endoftext|eot_id|start_header_id)\|>|\[/?INST\]|<</?SYS>>"
    r"|^\s*#{2,}\s*(?:system|new\s+instructions?)\s*:"
)
ORDERS = re.compile(
    "|".join(f"(?:{part})" for part in (_OVERRIDE, _ROLE, _LEAK, _GRADE, _MARKUP)),
    re.IGNORECASE | re.MULTILINE,
)


def gives_orders(text: str) -> bool:
    """Whether a text speaks to the model that reads it."""
    return ORDERS.search(text) is not None
