#!/bin/sh
# pytest 9.2.0 and pytest-xdist 3.8.0: tests of one xdist_group run in different workers under --dist loadgroup.
# Seen with Python 3.11: six tests with one group run in two workers; with pytest 8.4.2 all six run in one. No warning is given.
# The plugin appends the group to a private attribute of each test, from which pytest 9.2 no longer takes the test's name.
# Why it hurts: a fixture that builds an environment once for the group is built in every worker, and tests that must not run
# at the same time do.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/test_group.py" <<'PYTHON'
import os
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("one")


@pytest.mark.parametrize("number", range(6))
def test_of_the_group(number):
    time.sleep(0.2)
    Path(os.environ["SEEN"], os.environ["PYTEST_XDIST_WORKER"]).touch()
PYTHON
workers() {
    python3 -m venv "$folder/venv-$1"
    "$folder/venv-$1/bin/pip" install --quiet --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0
    mkdir "$folder/seen-$1"
    (cd "$folder" && SEEN="$folder/seen-$1" "venv-$1/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup \
        test_group.py >/dev/null)
    set -- "$folder/seen-$1"/*
    echo "$#"
}
new=$(workers 9.2.0)
old=$(workers 8.4.2)
echo "workers that ran tests of the group: $new with pytest 9.2.0, $old with pytest 8.4.2"
[ "$new" = 2 ] && [ "$old" = 1 ]
