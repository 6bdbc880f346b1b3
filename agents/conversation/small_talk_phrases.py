"""Small-talk phrases: by kind and language, in lower case, without punctuation.

A kind that stands higher is what a text with phrases of several kinds is: "Hi, who are you?" asks
who answers.
"""

from __future__ import annotations

from collections.abc import Mapping

PHRASES: Mapping[str, Mapping[str, str]] = {
    "identity": {
        "en": "who are you|what are you|what is your name|what's your name|what can you do"
        "|what do you do|what can you do for me|what can i ask|what can i ask you|help|help me"
        "|how can you help|how can you help me|how do you work|how does this work|are you a bot"
        "|are you a robot|are you an ai|are you a human|are you human|are you real|who made you"
        "|what is this|what do you know|what are you able to do|can you help me|can you help",
        "de": "wer bist du|wer sind sie|was bist du|was kannst du|was können sie|wie heißt du"
        "|wie heissen sie|wie heißen sie|was kann ich fragen|hilfe|kannst du mir helfen"
        "|können sie mir helfen|was kann ich dich fragen|wie funktioniert das|bist du ein bot"
        "|bist du ein mensch|was machst du|wobei kannst du helfen",
        "fr": "qui es-tu|qui es tu|qui êtes-vous|qui êtes vous|tu es qui|vous êtes qui"
        "|que peux-tu faire|que pouvez-vous faire|que sais-tu faire|comment t'appelles-tu"
        "|quel est ton nom|aide|aide-moi|aidez-moi|peux-tu m'aider|pouvez-vous m'aider"
        "|comment ça marche|es-tu un robot|à quoi sers-tu",
        "es": "quién eres|quien eres|quién es usted|qué eres|qué puedes hacer|que puedes hacer"
        "|qué sabes hacer|cómo te llamas|como te llamas|cuál es tu nombre|ayuda|ayúdame"
        "|puedes ayudarme|me puedes ayudar|cómo funciona esto|eres un robot|eres un bot",
        "it": "chi sei|cosa sei|cosa puoi fare|cosa sai fare|come ti chiami|aiuto|puoi aiutarmi"
        "|mi puoi aiutare|sei un robot|come funziona",
        "pt": "quem é você|quem és tu|o que você faz|o que você pode fazer|o que sabe fazer"
        "|como se chama|qual é o seu nome|ajuda|pode me ajudar|você é um robô|como funciona",
        "nl": "wie ben je|wie ben jij|wie bent u|wat kan je|wat kun je|wat kan jij|wat kun je doen"
        "|hoe heet je|help|kun je me helpen|kan je me helpen|ben je een robot|hoe werkt dit",
        "zh": "你是谁|您是谁|你是什么|你叫什么|你叫什么名字|你能做什么|你会做什么|你会什么"
        "|你可以做什么"
        "|你能帮我什么|帮助|帮帮我|你是机器人吗|你怎么用",
        "ja": "あなたは誰ですか|あなたは誰|誰ですか|君は誰|何ができますか|何ができる|何ができるの"
        "|あなたは何ができますか|名前は|お名前は|お名前は何ですか|助けて|ヘルプ|使い方",
        "ko": "누구세요|누구야|너는 누구야|당신은 누구인가요|당신은 누구입니까|뭘 할 수 있어"
        "|무엇을 할 수 있나요"
        "|뭘 할 수 있나요|이름이 뭐야|이름이 뭐예요|도와줘|도와주세요|도움말",
    },
    "complaint": {
        "en": "that's wrong|that is wrong|this is wrong|wrong|that's not right|that is not right"
        "|that's incorrect|that is incorrect|not helpful|that's not helpful|that was not helpful"
        "|that didn't help|that doesn't help|that did not help|that does not help|this is useless"
        "|useless|you're useless|you are useless|you're wrong|you are wrong|bad answer|bad bot"
        "|that makes no sense|this makes no sense|i don't like that|i don't like it|terrible"
        "|that's terrible|that's bad|this is bad|you don't understand|you did not understand"
        "|you didn't understand|that's not what i asked|that is not what i asked"
        "|that's not what i meant|this is frustrating|i'm disappointed|that's not true|not true",
        "de": "das ist falsch|falsch|das stimmt nicht|stimmt nicht|das hilft nicht"
        "|das hilft mir nicht"
        "|das war nicht hilfreich|nicht hilfreich|nutzlos|das ist nutzlos|schlechte antwort"
        "|das ergibt keinen sinn|das habe ich nicht gefragt|du verstehst mich nicht"
        "|das ist schlecht",
        "fr": "c'est faux|faux|c'est incorrect|ce n'est pas correct|ce n'est pas vrai|ça n'aide pas"
        "|ça ne m'aide pas|inutile|c'est inutile|c'est nul|mauvaise réponse"
        "|ce n'est pas ce que j'ai demandé|tu ne comprends pas|vous ne comprenez pas",
        "es": "eso está mal|está mal|eso es incorrecto|incorrecto|eso no es correcto"
        "|eso no es cierto"
        "|eso no ayuda|no me ayuda|eso no me ayuda|inútil|no sirve|no sirve de nada|mala respuesta"
        "|eso no es lo que pregunté|no es lo que pregunté|no entiendes",
        "it": "è sbagliato|sbagliato|non è vero|non è corretto|non aiuta|non mi aiuta|inutile"
        "|è inutile|pessima risposta|non è quello che ho chiesto|non capisci",
        "pt": "está errado|isso está errado|errado|não está certo|isso não ajuda|não ajuda|inútil"
        "|não serve|resposta ruim|não foi isso que perguntei|você não entende",
        "nl": "dat klopt niet|klopt niet|dat is fout|fout|dat is niet juist|dat helpt niet"
        "|nutteloos|slecht antwoord|dat vroeg ik niet|je begrijpt me niet",
        "zh": "不对|错了|你错了|这是错的|答错了|没有帮助|没用|没帮助|不是我问的|你没听懂|太差了",
        "ja": "違います|間違っています|間違い|それは間違いです|役に立たない|役に立ちません|使えない"
        "|聞いたことと違います|ひどい",
        "ko": "틀렸어|틀렸어요|틀렸습니다|아니에요|도움이 안 돼요|도움이 안 돼|쓸모없어|별로예요"
        "|별로야",
    },
    "goodbye": {
        "en": "bye|bye bye|goodbye|good bye|see you|see you later|see you soon"
        "|see you tomorrow|see you then|see you around|talk to you later|see ya"
        "|good night|take care|have a nice day|have a good day|have a great day"
        "|farewell|that's all|that is all|that's it|that will be all|i'm done|nothing else",
        "de": "tschüss|tschüß|tschuess|auf wiedersehen|bis später|bis bald|bis dann|gute nacht"
        "|schönen tag|schönen tag noch|einen schönen tag noch|das war's|das war alles"
        "|das wäre alles",
        "fr": "au revoir|à bientôt|a bientôt|à plus|à plus tard|à demain|bonne nuit|bonne journée"
        "|bonne soirée|adieu|c'est tout",
        "es": "adiós|adios|hasta luego|hasta pronto|hasta mañana|nos vemos|buenas noches|chao|chau"
        "|que tengas un buen día|eso es todo",
        "it": "arrivederci|a presto|a dopo|ci vediamo|buona notte|buonanotte|buona giornata|addio"
        "|è tutto",
        "pt": "tchau|adeus|até logo|até mais|até breve|boa noite|tenha um bom dia|é tudo|é só isso",
        "nl": "doei|tot ziens|tot straks|tot later|tot morgen|goedenacht|fijne dag"
        "|fijne dag nog|dat was alles|dat is alles",
        "zh": "再见|拜拜|回头见|明天见|晚安|就这样|没有了|没别的了",
        "ja": "さようなら|さよなら|またね|また今度|バイバイ|おやすみ|おやすみなさい|ではまた"
        "|じゃあね|以上です",
        "ko": "안녕히 계세요|안녕히 가세요|잘 있어|잘 가|또 봐요|또 봐|다음에 봐요|안녕히 주무세요"
        "|이상입니다",
    },
    "thanks": {
        "en": "thanks|thank you|thx|ty|thanks a lot|many thanks|thanks so much|thank you so much"
        "|thank you very much|thanks very much|much appreciated|i appreciate it|appreciated|cheers"
        "|thanks for your help|thank you for your help|thanks for the help|thank you for the help"
        "|thanks for that|thank you for that|that's helpful|that helps|that helped|that was helpful"
        "|very helpful|ok thanks|got it|understood|i see|makes sense|that makes sense|ok|okay"
        "|alright|all right|noted",
        "de": "danke|danke schön|dankeschön|danke sehr|vielen dank|herzlichen dank|besten dank"
        "|tausend dank|ich danke dir|ich danke ihnen|danke für die hilfe|danke für deine hilfe"
        "|danke für ihre hilfe|das hilft|das hilft mir|sehr hilfreich|verstanden|alles klar|ok"
        "|okay|in ordnung|ach so",
        "fr": "merci|merci beaucoup|merci bien|mille mercis|un grand merci|je te remercie"
        "|je vous remercie|merci pour ton aide|merci pour votre aide|merci de votre aide|compris"
        "|j'ai compris|d'accord|ok|très utile|ça marche",
        "es": "gracias|muchas gracias|mil gracias|muchísimas gracias|te lo agradezco"
        "|se lo agradezco|gracias por tu ayuda|gracias por su ayuda|gracias por la ayuda|entendido"
        "|vale|de acuerdo|ok|muy útil|entiendo",
        "it": "grazie|grazie mille|molte grazie|tante grazie|ti ringrazio|la ringrazio"
        "|grazie per l'aiuto|capito|ho capito|va bene|d'accordo|ok|molto utile",
        "pt": "obrigado|obrigada|muito obrigado|muito obrigada|valeu|agradeço|obrigado pela ajuda"
        "|obrigada pela ajuda|entendi|entendido|tudo bem|ok|muito útil",
        "nl": "bedankt|dank je|dank je wel|dankjewel|dank u|dank u wel|hartelijk dank"
        "|heel erg bedankt"
        "|bedankt voor je hulp|begrepen|duidelijk|oké|ok|heel nuttig",
        "zh": "谢谢|谢谢你|谢谢您|多谢|非常感谢|感谢|太感谢了|谢了|明白了|知道了|懂了|好的|好",
        "ja": "ありがとう|ありがとうございます|ありがとうございました|どうもありがとう"
        "|どうもありがとうございます"
        "|感謝します|どうも|助かりました|わかりました|分かりました|了解|了解です|なるほど",
        "ko": "감사합니다|고마워|고마워요|고맙습니다|정말 고마워요|정말 감사합니다|알겠습니다"
        "|알겠어요|네|네 알겠습니다",
    },
    "praise": {
        "en": "great|perfect|awesome|excellent|nice|wonderful|amazing|cool|brilliant|fantastic"
        "|good job|well done|great job|good answer|great answer|nice work|good work|good bot"
        "|you're great|you are great|you're awesome|you are awesome|you're the best"
        "|you are the best|i like that|i love it|i love this|that's great|that is great"
        "|that's perfect|that's amazing|that's nice|that's good|very good|wow|impressive|lovely"
        "|interesting|that's interesting|super",
        "de": "super|toll|perfekt|prima|klasse|großartig|ausgezeichnet|sehr gut|gut gemacht"
        "|gute antwort|gute arbeit|du bist toll|du bist super|wunderbar|das ist toll|das ist super"
        "|interessant|spitze|genial|cool",
        "fr": "super|parfait|génial|excellent|formidable|bravo|très bien|bien joué|bon travail"
        "|bonne réponse|c'est parfait|c'est génial|c'est super|intéressant|magnifique",
        "es": "genial|perfecto|excelente|estupendo|fantástico|muy bien|bien hecho|buen trabajo"
        "|buena respuesta|eres genial|qué bien|interesante|increíble|bravo",
        "it": "perfetto|fantastico|ottimo|eccellente|bravo|molto bene|ben fatto|bel lavoro"
        "|ottima risposta|sei grande|interessante",
        "pt": "perfeito|ótimo|excelente|fantástico|muito bem|bom trabalho|boa resposta"
        "|que bom|maravilhoso|incrível|interessante",
        "nl": "perfect|geweldig|uitstekend|fantastisch|prima|goed gedaan|goed werk|goed antwoord"
        "|mooi"
        "|heel goed|super|leuk|interessant",
        "zh": "太好了|很好|真棒|太棒了|好极了|不错|完美|厉害|做得好|回答得好|真厉害",
        "ja": "すごい|素晴らしい|すばらしい|完璧|完璧です|よくできました|いいですね|最高|最高です"
        "|さすが",
        "ko": "좋아요|좋아|훌륭해요|완벽해요|최고예요|최고야|대단해요|멋져요|잘했어|잘했어요",
    },
    "greeting": {
        "en": "hi|hello|hey|hi there|hello there|hey there|good morning|good afternoon"
        "|good evening|good day|greetings|howdy|how are you|how are you doing|how's it going"
        "|how do you do|what's up|nice to meet you|hiya|how are you today|are you there"
        "|anybody there|anyone there|hi again|hello again",
        "de": "hallo|hi|hey|guten tag|guten morgen|guten abend|grüß gott|grüss gott|moin|servus"
        "|grüezi|wie geht's|wie geht es dir|wie geht es ihnen|hallo zusammen|bist du da",
        "fr": "bonjour|salut|bonsoir|coucou|allô|comment ça va|ça va|comment vas-tu"
        "|comment allez-vous|enchanté|hello|bonjour à tous",
        "es": "hola|buenos días|buenas tardes|buenas|buen día|qué tal|cómo estás|cómo está usted"
        "|cómo va|saludos|muy buenas|encantado",
        "it": "ciao|buongiorno|buonasera|buon giorno|salve|come stai|come va|come sta|piacere",
        "pt": "olá|oi|bom dia|boa tarde|como vai|como está|como você está|e aí|prazer",
        "nl": "hallo|hoi|goedemorgen|goedemiddag|goedenavond|goeiemorgen|hoe gaat het"
        "|hoe gaat het met je|hey|hé",
        "zh": "你好|您好|嗨|哈喽|早上好|下午好|晚上好|你好吗|在吗|大家好",
        "ja": "こんにちは|こんばんは|おはよう|おはようございます|はじめまして|やあ|もしもし"
        "|お元気ですか|元気ですか",
        "ko": "안녕|안녕하세요|안녕하십니까|반가워요|반갑습니다|좋은 아침이에요|여보세요|잘 지내요"
        "|잘 지내세요",
    },
}
FILLERS: Mapping[str, str] = {
    "en": "there|again|all|everyone|everybody|team|assistant|bot|robot|friend|dear|so|very|much|a"
    "|lot"
    "|oh|ah|well|and|for|now|today|really|please|again|my|name|is|i'm|i|am|this|you|yes|no|it|just"
    "|then|good|to|know|for your help|for all your help|for the help",
    "de": "nochmal|alle|zusammen|an|liebes|team|sehr|so|oh|ach|und|für|jetzt|heute|bitte|ja|nein"
    "|dann"
    "|schon|wirklich|mein|name|ist|ich|bin|gut",
    "fr": "encore|tous|toutes|à|tout|le|monde|très|oh|ah|bien|et|pour|maintenant|aujourd'hui|oui"
    "|non"
    "|alors|je|suis|m'appelle|vraiment|bon",
    "es": "a|todos|de|nuevo|muy|oh|ah|bien|y|por|ahora|hoy|favor|sí|no|entonces|soy|me|llamo|todo"
    "|realmente|bueno",
    "it": "a|tutti|di|nuovo|molto|oh|ah|bene|e|per|ora|oggi|favore|sì|no|allora|sono|mi|chiamo"
    "|davvero",
    "pt": "a|todos|de|novo|muito|oh|ah|bem|e|por|agora|hoje|favor|sim|não|então|sou|eu|me|chamo"
    "|mesmo",
    "nl": "allemaal|weer|zeer|heel|oh|ah|en|voor|nu|vandaag|alstublieft|ja|nee|dan|ik|ben|mijn|naam"
    "|is"
    "|echt|goed",
    "zh": "啊|呀|哦|嗯|了|吧|非常|真的|大家|我是|我叫|的",
    "ja": "ね|よ|です|とても|本当に|皆さん|私は|はい|うん|ああ|あ|どうも",
    "ko": "정말|모두|여러분|저는|아|오|네|요|너무",
}
"""Words that may stand beside phrases of their language."""
