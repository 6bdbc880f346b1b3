"""Asian: how questions point back in Chinese, Japanese and Korean, with few spaces or none."""

from __future__ import annotations

from agents.conversation.grammar import Grammar

CHINESE = Grammar(
    language="zh",
    signs=(
        r"它们|他们|她们|它|他|她|这个|那个|这些|那些|这(?!里的)|那(?!么)|哪个|另|其他|还有|那里"
        r"|这里|第[一二三四五]个|上述|前者|后者"
    ),
    pronoun_signs=r"它们|他们|她们|它|他|她",
    definitions=r"^(?:请问)?(?:什么是|谁是)|是什么(?:意思)?[?？]*$",
    openers=r"那么|那|关于|至于|还有|如果是",
    closers=r"呢",
    whys=r"为什么(?:呢|这样|不)?|为何|怎么会(?:这样)?",
    corrections=(
        r"不(?:是|对)?[，,。 ]*(?:我(?:的意思)?(?:是说|是指|指的是|说的是|是))|不(?:是"
        r"|对)[，,。 ]+"
    ),
    others=r"另(?:外)?一个|另一种",
    pointed=r"第?(?P<which>[一二三四五]|最后一?)(?:个|种|项)",
    ordinals=("一", "二", "三", "四", "五", "最后 最后一"),
)
JAPANESE = Grammar(
    language="ja",
    signs=(
        r"それ|これ|あれ|その|この|あの|そこ|ここ|彼|彼女|他の|ほかの|別の|同じ|そちら|こちら"
        r"|[一二三]つ目|[123]つ目"
    ),
    pronoun_signs=r"それら|それ|彼女(?!ら)|彼(?!ら|女)",
    definitions=r"とは(?:何|なん)?(?:ですか|でしょうか)?[?？。]*$|って何",
    openers=r"では|じゃあ|それでは|それなら|あと",
    closers=r"(?:の場合)?は(?:どう(?:ですか|でしょうか)?)?",
    whys=r"なぜ(?:ですか|でしょうか)?|どうして(?:ですか)?|何故(?:ですか)?",
    corrections=r"(?:いいえ|いや|違います|違う)[、。, ]*",
    others=r"(?:もう一つ|もうひとつ|別)の?(?:方|ほう)?(?:です)?",
    pointed=r"(?P<which>[一二三四五]つ目|最後)(?:の(?:もの|方))?",
    ordinals=("一つ目", "二つ目", "三つ目", "四つ目", "五つ目", "最後"),
)
KOREAN = Grammar(
    language="ko",
    signs=r"그것|이것|저것|그거|이거|거기|여기|그들|그녀|다른|두 번째|첫 번째|세 번째|마지막",
    pronoun_signs=r"그것|이것|그거|이거",
    definitions=r"(?:란|이란) (?:무엇|뭐)|(?:이|가) (?:뭐|무엇)(?:예요|인가요|입니까|야)",
    openers=r"그럼|그러면|그리고",
    closers=r"(?:은|는)요?",
    whys=r"왜(?:요|죠|인가요|그런가요)?|어째서",
    corrections=r"(?:아니요|아뇨|아니)[,. ]*",
    others=r"다른 (?:것|거)",
    pointed=r"(?P<which>첫|두|세|네|다섯|마지막)(?: 번째)?(?: 것)?(?=[은는이가을를의도?\s]|$)",
    ordinals=("첫", "두", "세", "네", "다섯", "마지막"),
)
ASIAN = (CHINESE, JAPANESE, KOREAN)
