import subprocess
import sys

import pytest

import gradientd
from gradientd import errors


@pytest.mark.parametrize("name", gradientd.__all__)
def test_public_name_resolves(name: str) -> None:
    assert getattr(gradientd, name) is not None
    assert name in dir(gradientd)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="GradientWorkr"):
        _ = gradientd.GradientWorkr


def test_importing_the_package_patches_nothing_and_loads_no_client() -> None:
    code = (
        "import sys, gradientd; "
        "print([m for m in ('gevent', 'redis', 'boto3', 'pyvips', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_has_a_code_of_its_own() -> None:
    family = [
        error
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.GradientdError) and "code" in vars(error)
    ]
    codes = [error.code for error in family if error is not errors.GradientdError]
    assert len(codes) == len(set(codes)) > 15


def test_every_error_stands_in_the_family_tree_with_its_policy() -> None:
    tree = errors.__doc__ or ""
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, errors.JobError) and "code" in vars(error):
            line = next(line for line in tree.splitlines() if f"── {name} " in line)
            assert f" {error.policy} " in line
