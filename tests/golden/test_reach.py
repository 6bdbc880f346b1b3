"""Which lines run: as they do, over which inputs, and in which threads."""

import importlib.util
import threading

from tests.golden.reach import INPUTS_MAX, NOBODY, LineWatch, RunInput, lines_of_functions, not_run

SOURCE = """
TABLE = [
    1,
]


def of(number):
    if number > 2:
        return [
            one
            for one in TABLE
        ]
    return f(number)


def f(number):
    return number


class Never:
    AT = 1

    def runs(self):
        return 3
"""


def made(tmp_path):
    (tmp_path / "steps").mkdir()
    place = tmp_path / "steps" / "m.py"
    place.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("m", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def watched(tmp_path, work):
    watch = LineWatch(tmp_path, "steps")
    watch.watch(lambda: work(made(tmp_path), watch))
    return watch.run()


def test_lines_that_run_are_told_each_with_its_inputs(tmp_path):
    one, two = RunInput("s", "t", 0, 1), RunInput("s", "t", 0, 2)

    def work(module, watch):
        watch.over = one
        module.of(1)
        watch.over = two
        module.of(3)

    lines = watched(tmp_path, work)["steps/m.py"]
    assert lines[8] == [one, two]
    assert lines[10] == lines[11] == [two]
    assert lines[13] == lines[17] == [one]
    assert lines[2] == [NOBODY]
    assert 24 not in lines


def test_other_threads_are_watched_and_other_folders_are_not(tmp_path):
    def work(module, _):
        thread = threading.Thread(target=module.f, args=(1,))
        thread.start()
        thread.join()
        lines_of_functions("")

    run = watched(tmp_path, work)
    assert list(run) == ["steps/m.py"]
    assert run["steps/m.py"][17] == [NOBODY]


def test_of_a_line_some_inputs_are_remembered(tmp_path):
    def work(module, watch):
        for number in range(2 * INPUTS_MAX):
            watch.over = RunInput("s", "t", 0, number)
            module.f(number)
            module.of(1)
        module.of(3)

    lines = watched(tmp_path, work)["steps/m.py"]
    assert [one.offset for one in lines[17]] == list(range(INPUTS_MAX))
    # a function of which another line is still to be watched
    assert [one.offset for one in lines[8]] == list(range(INPUTS_MAX))
    assert len(lines[10]) == 1


def test_what_lies_in_no_function_counts_as_run(tmp_path):
    made(tmp_path)
    assert lines_of_functions(SOURCE) == {8, 9, 10, 11, 13, 17, 24}
    ran = [{"steps/m.py": {8, 13}}, {"steps/m.py": {17}}]
    assert not_run(tmp_path, ["steps/m.py"], ran) == {"steps/m.py": {9, 10, 11, 24}}
    assert not_run(tmp_path, ["steps/m.py"], [{"steps/m.py": {8, 9, 10, 11, 13, 17, 24}}]) == {}
