# /// script
# requires-python = ">=3.11"
# dependencies = ["universal-sequence-record[explore]"]
#
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of `usr explore`: a marimo notebook, thin; the work is in the modules of usr_explore."""

import marimo

app = marimo.App(width="full", app_title="usr explore")


@app.cell
def _():
    import marimo as mo

    from usr_core.api import UsrError
    from usr_explore import charts, panels
    from usr_explore.bins import cloud
    from usr_explore.condition import Query, mark_line, narrow
    from usr_explore.differing import comparison_panel
    from usr_explore.exploring import SPLITS, STATUSES, current

    return (
        Query,
        SPLITS,
        STATUSES,
        UsrError,
        charts,
        cloud,
        comparison_panel,
        current,
        mark_line,
        mo,
        narrow,
        panels,
    )


@app.cell
def _(current):
    ROOT = None
    DATASET = None
    exploration = current(ROOT, DATASET)
    return (exploration,)


@app.cell
def _(mo, panels):
    # What outlives a run of its cell: how often records were marked, what was told then, the last result, the maps.
    marks, set_marks = mo.state(0)
    kept = {}
    mo.Html(f"<style>{panels.STYLE}</style>")
    return kept, marks, set_marks


@app.cell
def _(exploration, mo):
    names = exploration.datasets()
    _first = exploration.name if exploration.name in names else next(iter(names), None)
    picker = mo.ui.dropdown(names, value=_first, label="Dataset", allow_select_none=not names)
    reset = mo.ui.button(value=0, on_click=lambda count: count + 1, label="Reset filters")
    mo.hstack([picker, reset], justify="start", align="end", wrap=True, gap=1)
    return picker, reset


@app.cell
def _(exploration, marks, mo, picker):
    marks()  # marking makes a version
    _known = exploration.versions(picker.value)
    version = mo.ui.dropdown(
        _known, value=exploration.version_label(picker.value), label="Version", allow_select_none=not _known
    )
    version if _known else None
    return (version,)


@app.cell
def _(UsrError, exploration, marks, picker, version):
    marks()  # read again once records were marked
    loaded, problem = None, None
    if picker.value is not None:
        try:
            exploration.look_at(picker.value, version.value)
            loaded = exploration.load(picker.value)
        except UsrError as error:
            problem = f"{error.message} {error.hint}"
    return loaded, problem


@app.cell
def _(loaded, mo, panels, problem, shown):
    if loaded is not None:
        _out = panels.header(loaded, shown)
    elif problem:
        _out = panels.note(problem, bad=True)
    else:
        _out = panels.note("This root has no dataset yet; `usr import NAME FILE` makes one.")
    mo.Html(_out)


@app.cell
def _(mo, picker, reset):
    picker.value, reset.value  # another dataset, or a reset, begins with empty boxes
    condition = mo.ui.text(placeholder="length > 100 and lab__strength > 0.5", label="Condition", full_width=True)
    condition
    return (condition,)


@app.cell
def _(chosen, mo, panels):
    mo.Html(panels.fault(chosen, "condition")) if chosen is not None and "condition" in chosen.faults else None


@app.cell
def _(mo, picker, reset):
    picker.value, reset.value
    motif = mo.ui.text(placeholder="TTGACAN{15,19}TATAAT", label="Motif", full_width=True)
    regex = mo.ui.checkbox(label="the motif is a regular expression, for one strand")
    mo.vstack([motif, regex], gap=0.4)
    return motif, regex


@app.cell
def _(chosen, mo, panels):
    mo.Html(panels.fault(chosen, "motif")) if chosen is not None and "motif" in chosen.faults else None


@app.cell
def _(Query, condition, exploration, kept, loaded, motif, regex):
    chosen = None
    if loaded is not None:
        _query = Query(condition=condition.value, motif=motif.value, regex=regex.value)
        _state = (loaded.name, loaded.version)
        chosen = exploration.choose(loaded, _query, kept.get(_state))
        kept[_state] = chosen
    return (chosen,)


@app.cell
def _(loaded, mo):
    numbers = [] if loaded is None else loaded.numbers
    axis_x = mo.ui.dropdown(numbers, value=next(iter(numbers), None), label="across")
    axis_y = mo.ui.dropdown(numbers, value=numbers[1] if len(numbers) > 1 else None, label="up")
    return axis_x, axis_y


@app.cell
def _(axis_x, axis_y, charts, chosen, cloud, loaded, mo, reset):
    pair = None
    turn = reset.value
    if chosen is not None and chosen.count and axis_x.value and axis_y.value:
        _cloud = cloud(loaded, axis_x.value, axis_y.value, chosen.mask)
        pair = mo.ui.altair_chart(
            charts.cloud_chart(_cloud, axis_x.value, axis_y.value),
            chart_selection=False,
            legend_selection=False,
        )
    return pair, turn


@app.cell
def _(axis_x, axis_y, chosen, loaded, mo, pair, panels, turn):
    if loaded is None:
        _out = None
    elif not chosen.count:
        _out = mo.Html(panels.no_records(loaded, chosen))
    elif pair is None:
        _out = mo.Html(panels.note("Two columns of numbers are drawn against each other here: usr attach DATASET FILE"))
    else:
        _hint = mo.Html(panels.note("Draw a rectangle to filter everything below; a click beside it lifts it."))
        _axes = mo.hstack([axis_x, axis_y], justify="start", wrap=True, gap=1)
        _out = mo.vstack([_axes, mo.Html(panels.anew(pair.text, turn)), _hint], gap=0.3)
    _out


@app.cell
def _(axis_x, axis_y, charts, chosen, kept, loaded, narrow, pair):
    brushed = chosen
    if pair is not None:
        brushed = narrow(loaded, chosen, charts.selected_ranges(pair.selections, axis_x.value, axis_y.value))
    kept["brushed"] = brushed
    return (brushed,)


@app.cell
def _(brushed, charts, loaded, narrow, places, vector_chart):
    shown = brushed
    if vector_chart is not None:
        _chosen = charts.selected_ids(vector_chart.selections, places.ids, places.x, places.y)
        shown = narrow(loaded, brushed, (), _chosen)
    return (shown,)


@app.cell
def _(loaded, mo, panels, shown):
    table = None
    if loaded is not None and shown.count:
        table = mo.ui.table(
            panels.table_rows(loaded, shown.rows[:1000].tolist(), mo.Html),
            selection="single",
            page_size=10,
            show_column_summaries=False,
            show_download=False,
            label=f"The first {min(1000, shown.count):,} of {shown.count:,}",
        )
    return (table,)


@app.cell
def _(chosen, loaded, mo, panels, shown, table):
    if table is not None:
        _out = table
    elif loaded is not None and chosen.count:
        _out = mo.Html(panels.no_records(loaded, shown))
    else:
        _out = None
    _out


@app.cell
def _(UsrError, exploration, loaded, mo, panels, shown, table):
    _out = None
    if table is not None:
        _picked = [_one["#"] for _one in table.value]
        if _picked:
            try:
                _out = panels.record_panel(*exploration.record(loaded, int(_picked[0]), shown.query))
            except UsrError as error:
                _out = panels.note(f"{error.message} {error.hint}", bad=True)
        else:
            _out = panels.note("Choose a record in the table to see it whole.")
    mo.Html(_out) if _out else None


@app.cell
def _(loaded, mo, panels, shown):
    mo.Html(panels.figures(loaded, shown)) if loaded is not None and loaded.rows else None


@app.cell
def _(loaded, mo, reset):
    reset.value
    _vectors = list(loaded.vectors) if loaded is not None and loaded.rows else []
    vectors = mo.ui.dropdown(_vectors, value=next(iter(_vectors), None), label="Vectors")
    colour = mo.ui.dropdown([*loaded.words, *loaded.numbers] if _vectors else [], label="coloured by")
    draw = mo.ui.button(value=0, on_click=lambda count: count + 1, label="Draw the map")
    mo.vstack(
        [
            mo.Html('<div class="usr-panel"><h3>Map of vectors</h3></div>'),
            mo.hstack([vectors, colour, draw], justify="start", align="end", wrap=True, gap=1),
        ],
        gap=0.3,
    ) if _vectors else None
    return colour, draw, vectors


@app.cell
def _(UsrError, charts, colour, draw, exploration, kept, loaded, mo, panels, vectors):
    # Of the records that were shown when the button was pressed: a filter afterwards does not draw it again.
    # marimo knows an element by the variable that it is; in a tuple, nothing would run when it is used.
    places, vector_chart, map_told = None, None, None
    if draw.value and vectors.value and kept.get("brushed") is not None:
        try:
            places = exploration.map(loaded, vectors.value, kept["brushed"], draw.value)
        except UsrError as error:
            map_told = panels.note(f"{error.message} {error.hint}", bad=True)
        else:
            _colours = exploration.colours(loaded, colour.value, places.ids)
            _chart = charts.map_chart(places.x, places.y, places.shares, _colours, colour.value or "")
            vector_chart = mo.ui.altair_chart(_chart, chart_selection=False, legend_selection=False)
            map_told = panels.note(
                f"{len(places.ids):,} of {places.total:,} records, on two axes of their vectors (PCA)"
            )
    return map_told, places, vector_chart


@app.cell
def _(draw, map_told, mo, panels, vector_chart):
    _chart = [] if vector_chart is None else [mo.Html(panels.anew(vector_chart.text, draw.value))]
    mo.vstack([*_chart, mo.Html(map_told)], gap=0.3) if map_told else None


@app.cell
def _(loaded, mo, panels, shown):
    mo.Html(panels.said_again(loaded, shown)) if loaded is not None and shown.count else None


@app.cell
def _(SPLITS, STATUSES, exploration, loaded, mo, panels, shown):
    split = mo.ui.dropdown(list(SPLITS), label="split")
    status = mo.ui.dropdown(list(STATUSES), label="QC status")
    ask = mo.ui.run_button(label=f"Mark the {shown.count if shown is not None else 0:,} shown records …")
    if loaded is None or not shown.count:
        _out = None
    elif exploration.writable(loaded.name):
        _ids = mo.download(
            lambda: "\n".join(exploration.ids(loaded, shown)).encode(), filename="ids.txt", label="Save their ids"
        )
        _out = mo.hstack([split, status, ask, _ids], justify="start", align="end", wrap=True, gap=1)
    else:
        _out = mo.Html(panels.note("This dataset can't be written by you, so records can't be marked here."))
    _out
    return ask, split, status


@app.cell
def _(ask, exploration, kept, loaded, mark_line, mo, panels, shown, split, status):
    plan, sure, _out = None, mo.ui.run_button(label="Yes, mark them", kind="warn"), None
    if ask.value and not (split.value or status.value):
        _out = mo.Html(panels.note("Choose a split or a QC status first.", bad=True))
    elif ask.value:
        plan = exploration.plan(loaded, shown, split.value, status.value)
        _line = mark_line(loaded, shown.query, plan.options)
        _told = f"{plan.told} This is one event in its history; the command for it is {_line}"
        _out = mo.vstack([mo.Html(panels.note(_told)), sure], gap=0.3)
    elif kept.get("told"):
        _out = mo.Html(panels.note(kept.pop("told")))
    _out
    return plan, sure


@app.cell
def _(UsrError, exploration, kept, mo, panels, plan, set_marks, sure):
    _out = None
    if sure.value and plan is not None:
        try:
            kept["told"] = exploration.mark(plan)
        except UsrError as error:
            _out = mo.Html(panels.note(f"{error.message} {error.hint}", bad=True))
        else:
            set_marks(lambda count: count + 1)
    _out


@app.cell
def _(exploration, loaded, mo):
    _known = {} if loaded is None else exploration.versions(loaded.name)
    compared = mo.ui.dropdown(_known, value=None, label="Compare with version", allow_select_none=True)
    mo.vstack(
        [mo.Html('<div class="usr-panel"><h3>What differs from another version</h3></div>'), compared], gap=0.3
    ) if len(_known) > 1 else None
    return (compared,)


@app.cell
def _(UsrError, compared, comparison_panel, exploration, loaded, mo, panels):
    _out = None
    if loaded is not None and compared.value:
        try:
            _out = comparison_panel(exploration.compare(loaded.name, compared.value), loaded.name)
        except UsrError as error:
            _out = panels.note(f"{error.message} {error.hint}", bad=True)
    mo.Html(_out) if _out else None


@app.cell
def _(exploration, loaded, mo, panels):
    mo.Html(panels.history_panel(exploration.history(loaded.name), loaded)) if loaded is not None else None


if __name__ == "__main__":
    app.run()
