"""How Triton's part is installed, without installing it."""

from infra.triton import install

PIN = "numpy==1.26.4"


def test_every_requirement_is_pinned_and_hashed():
    lines = install.REQUIREMENTS.read_text().splitlines()
    requirements = [line for line in lines if line and not line.startswith(("#", " "))]
    assert {PIN, "nvidia-pytriton==0.7.0"} <= {line.split()[0] for line in requirements}
    for line in requirements:
        following = lines[lines.index(line) + 1]
        assert "==" in line, line
        assert following.strip().startswith("--hash=sha256:"), line


def test_the_requirements_name_no_package_index():
    assert "index" not in install.REQUIREMENTS.read_text()


def test_another_recipe_has_another_digest(tmp_path):
    before = install.recipe_digest()
    assert before == install.recipe_digest()
    changed = tmp_path / "requirements.txt"
    changed.write_text(install.REQUIREMENTS.read_text().replace(PIN, "numpy==1.26.3"))
    assert install.recipe_digest(changed) != before
