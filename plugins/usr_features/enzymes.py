"""Restriction enzymes and what they recognise."""

from __future__ import annotations

__all__ = ["DEFAULT_ENZYMES", "SITES"]

SITES = {
    "AarI": "CACCTGC", "AatII": "GACGTC", "AgeI": "ACCGGT", "ApaI": "GGGCCC", "AscI": "GGCGCGCC", "AvrII": "CCTAGG",
    "BamHI": "GGATCC", "BbsI": "GAAGAC", "BglII": "AGATCT", "BpiI": "GAAGAC", "BsaI": "GGTCTC", "BsmBI": "CGTCTC",
    "BspQI": "GCTCTTC", "BstBI": "TTCGAA", "BtgZI": "GCGATG", "ClaI": "ATCGAT", "DpnI": "GATC", "EcoRI": "GAATTC",
    "EcoRV": "GATATC", "Esp3I": "CGTCTC", "FseI": "GGCCGGCC", "HincII": "GTYRAC", "HindIII": "AAGCTT", "HinfI": "GANTC",
    "KpnI": "GGTACC", "MfeI": "CAATTG", "MluI": "ACGCGT", "NcoI": "CCATGG", "NdeI": "CATATG", "NheI": "GCTAGC",
    "NotI": "GCGGCCGC", "NsiI": "ATGCAT", "PacI": "TTAATTAA", "PmeI": "GTTTAAAC", "PstI": "CTGCAG", "PvuI": "CGATCG",
    "PvuII": "CAGCTG", "SacI": "GAGCTC", "SalI": "GTCGAC", "SapI": "GCTCTTC", "SbfI": "CCTGCAGG", "ScaI": "AGTACT",
    "SfiI": "GGCCNNNNNGGCC", "SmaI": "CCCGGG", "SpeI": "ACTAGT", "SphI": "GCATGC", "StuI": "AGGCCT", "SwaI": "ATTTAAAT",
    "XbaI": "TCTAGA", "XhoI": "CTCGAG", "XmaI": "CCCGGG",
}  # fmt: skip
"""Recognition sites, 5' to 3', as REBASE has them (R. J. Roberts et al., Nucleic Acids Res. 51, D629-D630, 2023)."""

DEFAULT_ENZYMES = "EcoRI,XbaI,SpeI,PstI,NotI,BsaI,BsmBI,BbsI,SapI"
"""Those of the BioBrick standard (RFC 10), and of Golden Gate assembly."""
