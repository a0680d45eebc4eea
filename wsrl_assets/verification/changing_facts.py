"""Facts that are another one every year, asked for without a date: "the population of Jamaica".

Rules of form, for English: a question in the present tense about a statistic, a count of people,
the holder of an office or the latest of something, with nothing in it that fixes the time. Which
statistics change does not follow from the form of their names ("the sampling rate of a CD" does
not), so those are listed; the judge reads the rest.
"""

import re

_NAME = r"(?:(?!an?\b)[\w'’-]+ ){0,4}?(?-i:[A-Z])[a-z]"
_OF_A_NAME = rf" (?:of|in|for|at) {_NAME}"
_STATISTIC = (
    r"(?:(?:[\w-]+ )?populations?|population density|(?:gdp|gross (?:domestic|national) product)"
    r"(?: per (?:capita|head))?|(?:per capita |average |median |household )income|median age"
    r"|average age|life expectancy(?: at birth)?"
    r"|(?:unemployment|inflation|literacy|birth|fertility|infant mortality|poverty|homicide"
    r"|population growth|economic growth|urbani[sz]ation) rate"
    r"|(?:public|national|external) debt|annual (?:budget|revenue|turnover)"
    r"|market (?:share|capitali[sz]ation)|(?:share|stock) price|minimum wage|cost of living"
    r"|number of (?:people|inhabitants|residents|citizens|employees|users|subscribers|students))"
)
_PEOPLE = (
    r"(?:people|inhabitants|residents|citizens|employees|workers|users|subscribers|subscriptions"
    r"|customers|students|visitors|speakers)"
)
_OFFICE = (
    r"(?:(?:vice[- ])?president|prime minister|head of (?:state|government)|chancellor|mayor"
    r"|(?:lieutenant |deputy )?governor(?:[- ]general)?|(?:foreign|finance|defen[cs]e) minister"
    r"|chief executive(?: officer)?|ceo|chair(?:man|woman|person)|managing director"
    r"|director[- ]general|secretary[- ]general|head coach|maintainer|archbishop|ambassador)"
)
_CHANGING = re.compile(
    r"^(?:what|how (?:high|large|big|low)) (?:is|are) the (?:total |official |estimated )?"
    rf"{_STATISTIC}{_OF_A_NAME}"
    rf"|^(?:about |approximately |roughly )?how many (?:[\w-]+ ){{0,2}}?{_PEOPLE}"
    rf" (?:(?:live|work|study|reside) (?:in|at|for)|are there (?:in|at|on)) {_NAME}"
    r"|^how many (?:inhabitants|residents|citizens|employees|subscribers|customers)"
    rf" (?:does|do) {_NAME}[^?]*\bhave\?"
    rf"|^who (?:is|are) the {_OFFICE} of (?:the )?(?-i:[A-Z])[\w'’.-]*"
    r"(?: (?:of|and|the)| (?-i:[A-Z])[\w'’.-]*)*\?"
    r"|^(?:what|who|which(?: [\w-]+)?) (?:is|are) the (?:current|latest|newest)"
    rf"(?: (?!(?:of|in|for|at|on|through|by|to)\b)[\w-]+){{1,4}}{_OF_A_NAME}",
    re.IGNORECASE,
)
# What fixes the time: a year, or the source or the event that the figure is of.
_TIME = re.compile(
    r"\d|\b(?:century|decade|census|estimate|survey|when|while|during|according|under|before|after"
    r"|since|until|novel|film|myth|mythology|series|play|game|story)\b",
    re.IGNORECASE,
)


def undated_fact(question: str) -> str | None:
    """The words that ask for a fact of today; none if there are none, or a time is fixed."""
    found = _CHANGING.search(question)
    return found.group() if found and not _TIME.search(question) else None
