#!/bin/sh
# python-calamine 0.9.1: a formula that no spreadsheet has calculated is read as an empty string, like a cell that was left empty.
# Seen with Python 3.11 on a file of openpyxl 3.1.5, which writes formulas without values: '' for the formula and '' for the empty cell,
# and the last row, which has nothing but a formula, is not there at all.
# Why it hurts: a column that a script fills with formulas looks like one that was never measured, and rows at its end are lost.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-calamine==0.9.1 openpyxl==3.1.5
"$folder/venv/bin/python" - "$folder/plate.xlsx" <<'PYTHON'
import sys
from importlib.metadata import version

import openpyxl
import python_calamine

path = sys.argv[1]
book = openpyxl.Workbook()
sheet = book.active
for row in (["raw", "normalized"], [2.5, "=A2/2"], [3.5, None], [None, "=SUM(A2:A3)"]):
    sheet.append(row)
book.save(path)
read = python_calamine.load_workbook(path).get_sheet_by_index(0).to_python()
print(f"python-calamine {version('python-calamine')}, openpyxl {version('openpyxl')}: {read}")
sys.exit(0 if read == [["raw", "normalized"], [2.5, ""], [3.5, ""]] else 1)
PYTHON
