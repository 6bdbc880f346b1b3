"""European: the words by which questions point back in German, French, Spanish and their kin.

Nouns take articles and endings here that a pronoun's place may not bear, so what a question is
about is put behind it. Only what replaces a thing of the same kind goes in its place.
"""

from __future__ import annotations

from agents.conversation.grammar import Grammar
from agents.phrases import word_set

GERMAN = Grammar(
    language="de",
    conditions="wenn|falls|sobald",
    function=word_set(
        """
        kostet kosten heißt findet finde finden öffnet öffnen schließt gilt gelten dauert braucht
        brauche funktioniert lange aber alle allem allen aller alles als also am an andere anderen
        ans auch auf aus bei beim bin bis bist bitte da dafür dagegen damit danach dann das dass
        dein deine dem den denn der des dessen die dies doch dort du durch ein eine einem einen
        einer eines er es etwas für gab ganz geben gegen gehen geht genau gerade gern gibt hab habe
        haben hat hatte hatten hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins
        irgendwie ist ja jede jeden jeder jetzt kann kannst kein keine können könnte lässt liegt
        machen macht mal man mehr mein meine meinen meiner mich mir mit möchte muss müssen nach
        nicht nichts noch nur ob oder ohne sagen sehr sein seine seinen seit sich sie sind so sobald
        soll sollen sollte sondern sonst über um und uns unser unsere unter viel viele vom von vor
        wann war waren warum was weil welche welchem welchen welcher welches wem wen wenn wer werde
        werden wie wieso will wir wird wo wofür wohin worum wurde wurden zu zum zur zwischen erkläre
        erzähl
        """
    ),
    determiners=word_set("der die das den dem des ein eine einen einem einer eines"),
    indefinite=word_set("ein eine einen einem einer eines"),
    singular=word_set("es er sein seine seinen seiner seinem dieses dieser"),
    plural=word_set("sie ihre ihren ihrer ihrem ihnen diese"),
    persons=word_set("ihm ihn ihr"),
    pointers=word_set(
        """
        darin daran darauf daraus dabei dafür dagegen damit danach daneben darüber darum darunter
        davon davor dazu dort hier andere anderen anderes anderer beide beiden solche solchen dessen
        deren dasselbe jener jene jenes diesem diesen stattdessen außerdem ebenfalls
        """
    ),
    bridges=word_set("von"),
    openers=(
        r"und|aber|oder|also|was ist mit|wie ist es mit|wie sieht es mit|wie steht es mit"
        r"|gilt das auch"
    ),
    prepositions=word_set(
        "für in im am an auf mit ohne bei nach von vom zu zum zur aus um ab bis seit"
    ),
    whys=r"warum(?: nicht| ist das so| das)?|wieso(?: nicht)?|weshalb|wozu",
    corrections=(
        r"(?:(?:nein|nicht doch|sorry|entschuldigung)\W+)*(?:ich )?(?:meine"
        r"|meinte)(?: ich)?(?: eigentlich)?|nein\W+nicht \w+ sondern|nein\W+"
    ),
    others=r"(?:den|die|das) andere[nrs]?",
    pointed=(
        r"\b(?:de[rnm]|die|das) (?P<which>erste|ersten|zweite|zweiten|dritte|dritten|vierte"
        r"|vierten|letzte"
        r"|letzten)\b(?=\W*$|\s*[?.!,;])"
    ),
    ordinals=(
        "erste ersten",
        "zweite zweiten",
        "dritte dritten",
        "vierte vierten",
        "letzte letzten",
    ),
    auxiliaries=word_set(
        "ist sind war waren hat haben wird werden kann können muss müssen darf dürfen soll"
    ),
    times=word_set(
        """
        januar februar märz april mai juni juli august september oktober november dezember montag
        dienstag mittwoch donnerstag freitag samstag sonntag montags dienstags mittwochs donnerstags
        freitags samstags sonntags frühling frühjahr sommer herbst winter heute morgen gestern abend
        nacht mittag woche wochenende monat jahr ostern weihnachten
        """
    ),
    relational=word_set(
        """
        anforderungen auswirkungen beispiele dauer einschränkungen ergebnis ergebnisse folgen frist
        gebühr gebühren gründe grund höhe kosten länge name nachteile preis preise regeln risiken
        schritte status symptome unterschied unterschiede ursache ursachen voraussetzungen vorteile
        ziel ziele zweck
        """
    ),
    speakers=word_set("ich"),
    nouns_are_capital=True,
    expletives=r"\b(?:gibt|ist|war) es\b|\bes (?:gibt|ist|war)\b|\bgeht es\b",
)
FRENCH = Grammar(
    language="fr",
    conditions="si|lorsque",
    function=word_set(
        """
        coûte coûtent ouvre ouvrent ferme trouve trouvent dure marche fonctionne se a ai alors après
        as au aucun aussi autre autres aux avant avec avez avoir avons c ce cela celle celles celui
        ces cet cette ceux chez comme comment d dans de depuis des dès doit doivent donc dont du
        elle elles en encore entre es est et était être eu eux fait faire faut il ils j je l la là
        le les leur leurs lui m ma mais me même mes moi mon n ne ni non nos notre nous on ont ou où
        oui par parce parle pas pendant peu peut peux plus pour pourquoi pourrait qu quand que quel
        quelle quelles quels qui quoi s sa sans se ses si sont sous sur t ta te tes toi ton tous
        tout toute toutes tu un une va vers veut voici vos votre vous y dis explique combien trouve
        peuvent faites puis-je est-ce ça
        """
    ),
    determiners=word_set("le la les l un une des du"),
    indefinite=word_set("un une"),
    singular=word_set("il elle son sa ses lui ça cela ceci"),
    plural=word_set("ils elles leur leurs ceux celles"),
    persons=word_set("elle lui"),
    pointers=word_set("là ici celui celle ceux celles autre autres aussi dedans dessus"),
    bridges=word_set("de d du des"),
    openers=r"et|mais|ou|alors|qu['’]en est-il|et qu['’]en est-il|et concernant",
    prepositions=word_set("pour à au aux en dans de du des sur avec sans par chez"),
    whys=r"pourquoi(?: pas| cela| ça)?|pour quelle raison|comment ça se fait",
    corrections=(
        r"(?:(?:non|pardon|désolée?)\W+)*(?:je (?:voulais dire|veux dire|parlais (?:de|du)"
        r"|pensais (?:à|au)))|non\W+"
    ),
    others=r"l['’]autre",
    pointed=(
        r"\b(?:l[ae] |l['’])(?P<which>premier|première|deuxième|second|seconde|troisième"
        r"|quatrième|dernier"
        r"|dernière)\b(?=\W*$|\s*[?.!,;])"
    ),
    ordinals=(
        "premier première",
        "deuxième second seconde",
        "troisième",
        "quatrième",
        "dernier dernière",
    ),
    auxiliaries=word_set("est sont était a ont peut peuvent doit doivent va"),
    times=word_set(
        """
        janvier février mars avril mai juin juillet août septembre octobre novembre décembre lundi
        mardi mercredi jeudi vendredi samedi dimanche printemps été automne hiver aujourd'hui demain
        hier soir matin nuit midi semaine week-end mois année noël
        """
    ),
    relational=word_set(
        """
        avantages but cause causes conditions conséquences coût coûts date différence différences
        durée effets étapes exemples frais inconvénients limite limites nom objectif objectifs prix
        raison raisons règles résultat résultats risques symptômes tarif tarifs
        """
    ),
    speakers=word_set("je j"),
    expletives=(
        r"\by a-t-il\b|\bil (?:y a|faut|est possible)\b|\bs['’]il\b|\best-il possible\b"
        r"|\bfaut-il\b"
    ),
)
SPANISH = Grammar(
    language="es",
    conditions="si|cuando",
    function=word_set(
        """
        cuesta cuestan abre abren cierra dura funciona sirve a al algo algún alguna ante antes aquel
        así aún aunque bien cada como cómo con cual cuál cuáles cuando cuándo cuánto cuánta cuántos
        cuántas de debe deben debo del desde donde dónde dos durante e el él ella ellas ellos en
        entonces entre era es esa ese eso esta está están este esto estos fue fueron ha hace hacer
        hacia han hasta hay he la las le les lo los más me mi mis mucho muy nada ni no nos nuestro o
        os otra otro para pero poco por porque puede pueden puedo que qué quien quién se sea según
        ser si sí sin sobre solo son soy su sus también tan te tener tengo tiene tienen todo todos
        tu tú tus un una unas unos usted va y ya yo dime explica cuenta hago
        """
    ),
    determiners=word_set("el la los las un una unos unas"),
    indefinite=word_set("un una unos unas"),
    singular=word_set("él ella su sus eso esto"),
    plural=word_set("ellos ellas"),
    persons=word_set("él ella"),
    pointers=word_set(
        "allí ahí aquí otro otra otros otras también ese esa esos esas ello mismo misma"
    ),
    bridges=word_set("de del"),
    openers=r"y|e|pero|o|qué tal|y qué hay de|qué hay de|qué pasa con|y qué pasa con",
    prepositions=word_set("para en a al de del con sin por desde hasta"),
    whys=r"(?:y )?por qué(?: no| eso)?|a qué se debe",
    corrections=(
        r"(?:(?:no|perdón)\W+)*(?:me refería a|me refiero a|quería decir|quise decir)|no\W+"
    ),
    others=r"(?:el|la) otr[oa]",
    pointed=(
        r"\b(?:el|la) (?P<which>primero|primera|primer|segundo|segunda|tercero|tercera|tercer"
        r"|cuarto|cuarta|último"
        r"|última)\b(?=\W*$|\s*[?.!,;])"
    ),
    ordinals=(
        "primero primera primer",
        "segundo segunda",
        "tercero tercera tercer",
        "cuarto cuarta",
        "último última",
    ),
    auxiliaries=word_set("es son era está están ha han puede pueden debe deben"),
    times=word_set(
        """
        enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
        lunes martes miércoles jueves viernes sábado domingo primavera verano otoño invierno hoy
        mañana ayer noche tarde mediodía semana mes año navidad
        """
    ),
    relational=word_set(
        """
        causa causas condiciones consecuencias coste costo costes desventajas diferencia diferencias
        duración efectos ejemplos límite límites motivo motivos nombre objetivo pasos plazo precio
        precios razón razones reglas requisitos resultado resultados riesgos síntomas tarifa
        ventajas
        """
    ),
    speakers=word_set("yo lo"),
)
ITALIAN = Grammar(
    language="it",
    function=word_set(
        """
        costa costano apre aprono chiude dura funziona serve a ad ai al alla alle allo anche ancora
        c che chi ci cioè come con cosa cui da dal dalla dei del della delle dello di dove e è ed
        essere fa fare gli ha hai hanno ho i il in io l la le lei li lo loro lui ma mi mia mio molto
        ne nei nel nella non nostro o ogni per perché più può possono posso qual quale quali quando
        quanto quanta quanti quante quello questa questo qui se sei si sia sono sta su sua sue sui
        sul sulla suo suoi tra tu un una uno va voi devo deve fai dimmi spiega
        """
    ),
    determiners=word_set("il lo la i gli le l un una uno"),
    indefinite=word_set("un una uno"),
    singular=word_set("esso essa suo sua suoi sue lui lei ciò questo quello"),
    plural=word_set("essi esse loro"),
    persons=word_set("lui lei"),
    pointers=word_set("lì là qui altro altra altri altre anche stesso stessa questa quella questi"),
    bridges=word_set("di del della dei"),
    openers=r"e|ed|ma|o|che ne dici di|e per quanto riguarda",
    prepositions=word_set("per a al alla in nel nella di del con senza da"),
    whys=r"(?:e )?perché(?: no)?|come mai",
    corrections=r"(?:(?:no|scusa)\W+)*(?:intendevo|volevo dire|intendo)|no\W+",
    others=r"l['’]altr[oa]",
    auxiliaries=word_set("è sono era ha hanno può possono deve"),
    times=word_set(
        """
        gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre
        dicembre lunedì martedì mercoledì giovedì venerdì sabato domenica primavera estate autunno
        inverno oggi domani ieri sera notte
        """
    ),
    speakers=word_set("io non"),
)
PORTUGUESE = Grammar(
    language="pt",
    function=word_set(
        """
        custa custam abre abrem fecha dura funciona serve a à ao aos as às até com como da das de
        dela dele depois do dos e é ela elas ele eles em entre era essa esse esta está este eu foi
        fazer faço há isso isto já lhe mais mas me mesmo meu minha muito na não nas nem no nos o
        onde os ou para pela pelo pode podem posso por porque qual quais quando quanto quanta
        quantos que quem se sem ser seu seus só sua suas também tem têm tenho tu um uma você são
        devo deve diga explique custa
        """
    ),
    determiners=word_set("o a os as um uma"),
    indefinite=word_set("um uma"),
    singular=word_set("ele ela seu sua seus suas isso isto dele dela nele nela"),
    plural=word_set("eles elas deles delas"),
    persons=word_set("ele ela"),
    pointers=word_set(
        "lá ali aqui outro outra outros outras também mesmo mesma esse essa esses disso nisso"
    ),
    bridges=word_set("de do da dos das"),
    openers=r"e|mas|ou|e quanto a|e quanto ao|que tal|e sobre",
    prepositions=word_set("para em no na de do da com sem por ao"),
    whys=r"(?:e )?por qu[eê](?: não)?",
    corrections=(
        r"(?:(?:não|desculpe)\W+)*(?:eu quis dizer|quis dizer|quero dizer|eu me referia a)"
        r"|não\W+"
    ),
    others=r"[oa] outr[oa]",
    auxiliaries=word_set("é são era está tem pode podem deve"),
    times=word_set(
        """
        janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
        segunda terça quarta quinta sexta sábado domingo primavera verão outono inverno hoje amanhã
        ontem noite
        """
    ),
    speakers=word_set("eu não"),
)
DUTCH = Grammar(
    language="nl",
    function=word_set(
        """
        kosten opent sluit duurt werkt geldt aan al alle als bij dan dat de der deze die dit doe
        doet door dus een en er geen had heb hebben heeft het hij hoe hoeveel hun ik in is ja je kan
        kunnen maar mag me meer men met mij mijn moet moeten na naar niet nog nu of om onder ons
        onze ook op over te tegen toch toen tot u uit uw van veel voor waar waarom wanneer waren was
        wat we welk welke werd wie wij worden wordt zal ze zich zij zijn zo zou gaat kost vertel
        """
    ),
    determiners=word_set("de het een"),
    indefinite=word_set("een"),
    singular=word_set("hij dit hem"),
    plural=word_set("ze zij hun hen deze"),
    persons=word_set("hem haar"),
    pointers=word_set(
        "daar daarin daarmee daarvan daarvoor ervan ervoor ermee erin erop hier andere ook zelfde"
    ),
    bridges=word_set("van"),
    openers=r"en|maar|of|hoe zit het met|en hoe zit het met|wat met",
    prepositions=word_set("voor in op aan met zonder bij van naar uit"),
    whys=r"waarom(?: niet| dat)?|hoezo",
    corrections=r"(?:(?:nee|sorry)\W+)*(?:ik bedoel|ik bedoelde)|nee\W+",
    others=r"(?:de|het) andere",
    auxiliaries=word_set("is zijn was waren heeft hebben kan kunnen moet wordt"),
    times=word_set(
        """
        januari februari maart april mei juni juli augustus september oktober november december
        maandag dinsdag woensdag donderdag vrijdag zaterdag zondag lente zomer herfst winter vandaag
        morgen gisteren avond nacht
        """
    ),
    speakers=word_set("ik"),
)
EUROPEAN = (GERMAN, FRENCH, SPANISH, ITALIAN, PORTUGUESE, DUTCH)
