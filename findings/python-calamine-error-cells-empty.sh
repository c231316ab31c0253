#!/bin/sh
# python-calamine 0.9.1: a cell that holds an Excel error (#DIV/0!, #N/A) is read as an empty string, like a cell that was left empty.
# Seen with Python 3.11 on a file of XlsxWriter 3.2.9: '' for both errors and '' for the empty cell; openpyxl 3.1.5 gives
# '#DIV/0!', '#N/A' and None.
# Why it hurts: a plate table whose normalization failed looks like a plate on which those wells were not measured.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-calamine==0.9.1 XlsxWriter==3.2.9 openpyxl==3.1.5
"$folder/venv/bin/python" - "$folder/plate.xlsx" <<'PYTHON'
import sys
from importlib.metadata import version

import openpyxl
import python_calamine
import xlsxwriter

path = sys.argv[1]
book = xlsxwriter.Workbook(path)
sheet = book.add_worksheet()
for row, (well, formula, value) in enumerate((("A1", "=1/0", "#DIV/0!"), ("A2", "=NA()", "#N/A"), ("A3", None, None))):
    sheet.write(row, 0, well)
    if formula:
        sheet.write_formula(row, 1, formula, None, value)
sheet.write(3, 0, "A4")
sheet.write(3, 1, 2.5)
book.close()
by_calamine = [row[1] for row in python_calamine.load_workbook(path).get_sheet_by_index(0).to_python()]
by_openpyxl = [row[1] for row in openpyxl.load_workbook(path, data_only=True).active.iter_rows(values_only=True)]
print(f"python-calamine {version('python-calamine')}: {by_calamine}")
print(f"openpyxl {version('openpyxl')}: {by_openpyxl}")
sys.exit(0 if by_calamine == ["", "", "", 2.5] and by_openpyxl == ["#DIV/0!", "#N/A", None, 2.5] else 1)
PYTHON
