"""Card numbers: tell them from other long numbers by their check digit.

Source: ISO/IEC 7812-1, annex B (the formula of H. P. Luhn).
"""

LENGTHS = frozenset((13, 14, 15, 16, 17, 18, 19))


def holds_card(text: str) -> bool:
    """Tell whether digits, in groups or not, begin with a card number that ends where a group does.

    What follows it in the same run of digits may be something else, such as a year.
    """
    digits: list[int] = []
    for index, character in enumerate(text):
        if not character.isdigit():
            continue
        digits.append(int(character))
        ends = index + 1 == len(text) or not text[index + 1].isdigit()
        if ends and len(digits) in LENGTHS and is_valid(digits):
            return True
    return False


def is_valid(digits: list[int]) -> bool:
    """Tell whether the last digit checks the others."""
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
