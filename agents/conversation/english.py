"""English: the words by which its questions point back, and those that tell a verb from a noun."""

from __future__ import annotations

from dataclasses import replace

from agents.conversation.grammar import Grammar
from agents.phrases import word_set

ENGLISH = Grammar(
    language="en",
    function=word_set(
        """
        a about above across after again against all along also although always am among an and
        another any anyone anything are around as asked at away back be became because become been
        before began being below between both but by can cannot could did didn't different do does
        doesn't doing don't done down during each else ever every explain few find first for from
        further gave get getting give go goes going got had happen happened happens has have having
        he her here hers herself him himself his how however i i'd i'm i've if in into is isn't it
        it's its itself just kind kinds know last later least less let let's like look made main
        major make many may me mean might mine more most much must my myself need never next no nor
        not nothing now of off often ok on once one ones only or other others our out over own part
        per please possible question rather really same say see she should show since so some
        someone something sort still such take tell than thank thanks that that's the their theirs
        them themselves then there these they thing things think this those though through thus time
        to together too toward two type types under until up upon us use used using very want wanted
        was wasn't way we well went were what what's whatever when where whether which while who
        who's whom whose why will with within without won't s t work works would wouldn't wow oh ah
        interesting hi hello hey thanks yes yet you you're your yours describe provide
        """
    ),
    determiners=word_set("the a an"),
    indefinite=word_set("a an"),
    demonstratives=word_set("this that these those both"),
    singular=word_set("it its this that"),
    plural=word_set("they them their theirs these those both"),
    persons=word_set("he him his she her hers"),
    possessives=word_set("its their theirs his her hers"),
    pointers=word_set(
        """
        one ones there here other others another else more former latter same both instead also too
        then so such second third
        """
    ),
    bridges=word_set("of"),
    openers=r"and|but|or|so|also|what about|how about|what if|as for",
    conditions="if|when|unless|once|while",
    times=word_set(
        """
        january february march april may june july august september october november december monday
        tuesday wednesday thursday friday saturday sunday monday mondays tuesdays wednesdays
        thursdays fridays saturdays sundays spring summer autumn fall winter today tomorrow
        yesterday tonight morning afternoon evening night noon midnight weekend weekends week month
        year easter christmas holidays
        """
    ),
    prepositions=word_set("for in at on to from with by during of as about into under over"),
    whys=(
        r"why|why(?: is| was)? (?:that|this|so|it)|why not|how so|how come|what for"
        r"|for what reason"
    ),
    corrections=(
        r"(?:(?:no|sorry|oops|actually|wait)\W+)*(?:i|we) (?:actually )?(?:meant?"
        r"|was asking about|was talking about)(?: to ask about| to say)?"
        r"|(?:no|not that(?: one)?|wrong one)\W+(?:not that(?: one)?\W+)?(?!one\b|but\b|i\b)"
        r"|not \w+ but"
    ),
    others=r"(?:the )?other(?: one)?",
    pointed=(
        r"\b(?:the )?(?P<which>first|1st|second|2nd|third|3rd|fourth|4th|fifth|5th|last|latter"
        r"|former)\b(?:\s(?:one|option|item|point|kind|type|of (?:these|those|them))\b"
        r"|(?=\W*$|\s*[?.!,;]|\s(?:is|are|was|be|not|work|do|does|than|and|or)\b))"
    ),
    ordinals=(
        "first 1st former",
        "second 2nd",
        "third 3rd",
        "fourth 4th",
        "fifth 5th",
        "last latter",
    ),
    puts_in_place=True,
    has_verb_rules=True,
    bare_openers=r"how|which|whose|at what|in which|by how",
    imperatives=word_set(
        """
        add apply ask call change check choose click close consider contact copy create delete
        download edit
        enter go install make note open please pass press put read remove restart run save see
        select send set
        start stop turn type use visit wait write
        """
    ),
    expletives=(
        r"\bit\s+(?:\w+\s+)?(?:possible|necessary|allowed|true|safe|worth|ok|okay|best|better"
        r"|important)\s+(?:to|that|for)\b|\bit\s+takes?\s+(?:\w+\s+)?to\b|\bit\s+means?\s+to\b"
    ),
    speakers=word_set("i we"),
    auxiliaries=word_set(
        """
        is are was were am be been do does did can could will would shall should may might must has
        have had isn't aren't wasn't weren't don't doesn't didn't can't couldn't won't wouldn't
        shouldn't
        """
    ),
    relational=word_set(
        """
        fare fares rate charge charges address phone email advantage advantages alternative
        alternatives author authors advice aim aims answer application applications area argument
        arguments background basis benefit benefits capacity cause causes challenge challenges
        characteristic characteristics component components condition conditions consequence
        consequences cost costs criteria criticism date deadline default definition details
        diagnosis difference differences disadvantage disadvantages drawback drawbacks duration
        effect effects evidence example examples exception exceptions explanation factors features
        fee fees finding findings format goal goals height history impact impacts implications
        importance key length limit limits limitation limitations location maximum meaning members
        minimum motivation name names number opening origin origins outcome outcomes owner parts
        penalty plot population price prices principles pro pros cons problem problems procedure
        process properties purpose qualities reason reasons recommendations relationship requirement
        requirements result results risk risks role rules schedule sentence side significance signs
        similarities size solution solutions source sources stages status step steps structure
        symptom symptoms theme themes characters title treatment treatments uses value version
        versions weight width
        """
    ),
    verbs=word_set(
        """
        accept affect allow answer appear apply arrive avoid begin belong break bring build buy
        cause change charge check choose close compare contain cost count cover create decide delete
        depend describe die dies differ eat enable end enter evolve exist expire export fail fit fix
        follow function grow handle help hold impact import include increase install join keep last
        lead learn leave listen live lose meet move occur offer open operate pay play prevent
        produce protect read receive reduce relate remove replace require reset restart return run
        save search sell send set spread start stay stop store support survive taste teach think
        treat trigger turn upgrade vary verify wait weigh write
        """
    ),
    predicates=word_set(
        """
        allowed available built bought closed cut dead done drawn driven eaten fallen famous found
        free given grown held hidden important kept known laid legal located lost made met necessary
        open paid popular put quiet read ready real rich run safe seen sent set shown shut small
        sold spent spoken stolen stuck sure taken taught thrown told true valid worn written wide
        tall large big long old heavy fast deep high different similar better bigger cheaper easier
        faster higher larger longer lower newer older safer shorter slower smaller stronger worse
        """
    ),
)

DEFINITIONS = (
    r"(?i)\A\W*(?:what(?:'s|\s+is|\s+are|\s+was|\s+were)\s+(?:an?\s+)?(?!the\b)[\w-]+(?:\s+[\w-]+)?\W*\Z"
    r"|(?:define|explain|describe|tell\s+me\s+(?:more\s+)?about)\b|what\s+(?:does|do|did)\s+.{1,40}?\s+mean\b)"
)
"""Questions for what something is."""
SHARPER = replace(
    ENGLISH,
    supports=word_set(
        """
        do does did don't doesn't didn't can could will would shall should may might must can't
        couldn't won't wouldn't shouldn't
        """
    ),
    light_verbs=word_set(
        """
        be become began do get give go happen has have keep know learn let like look make mean
        need show say see take tell think use want work
        """
    ),
    vague=word_set(
        """
        article aspect aspects bad born case detail details difference differences example examples
        fact facts info information issue issues list name names part parts people problem problems
        question reason reasons story topic way ways
        """
    ),
    tells_persons=True,
)
"""With what is read since 0.2.0.dev5."""
