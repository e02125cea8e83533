"""The table of options: registered, validated, documented."""

import pytest
from mitmproxy.exceptions import OptionsError
from mitmproxy.test import taddons, tflow

from resplice.proxy import options
from resplice.proxy.addon import Resplice
from resplice.proxy.options import OPTIONS


@pytest.fixture
def tctx():
    addon = Resplice()
    with taddons.context(addon) as context:
        context.configure(addon, resplice_log="")
        yield context


def test_every_option_is_registered_with_its_type_and_default(tctx):
    for option in OPTIONS:
        registered = tctx.options._options[option.name]
        assert registered.typespec is option.type
        assert registered.default == option.default
        assert "\n" not in option.help


def test_the_defaults_are_valid(tctx):
    settings = options.read(tctx.options)
    assert settings.policy.mode == "repair"
    assert settings.policy.max_event_bytes == 64 * 1024 * 1024
    assert settings.flows is None


@pytest.mark.parametrize("option", [one for one in OPTIONS if one.choices], ids=lambda one: one.name)
def test_each_choice_is_accepted_and_any_other_value_refused(tctx, option):
    addon = tctx.master.addons.get("resplice")
    for choice in option.choices:
        tctx.configure(addon, **{option.name: choice})
    with pytest.raises(OptionsError, match=f"{option.name} is 'other'; choose one of"):
        tctx.configure(addon, **{option.name: "other"})


@pytest.mark.parametrize("option", [one for one in OPTIONS if one.type is int], ids=lambda one: one.name)
def test_numbers_are_accepted_within_their_range_only(tctx, option):
    addon = tctx.master.addons.get("resplice")
    for value in (option.low, option.high):
        tctx.configure(addon, **{option.name: value})
    for value in (option.low - 1, option.high + 1):
        with pytest.raises(OptionsError, match=f"give a whole number from {option.low} to {option.high}"):
            tctx.configure(addon, **{option.name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("resplice_flows", "~~ nonsense"), ("resplice_flows", "~d ("), ("resplice_log", "a\0b")]
)
def test_a_value_that_can_not_work_is_refused_in_one_line(tctx, name, value):
    with pytest.raises(OptionsError, match=f"{name} is ") as failure:
        tctx.configure(tctx.master.addons.get("resplice"), **{name: value})
    assert "\n" not in str(failure.value)


def test_a_filter_is_parsed(tctx):
    tctx.configure(tctx.master.addons.get("resplice"), resplice_flows="~d api.example")
    flows = options.read(tctx.options).flows
    flow = tflow.tflow()
    assert not flows(flow)
    flow.request.host = "api.example"
    assert flows(flow)


def test_the_log_is_under_mitmproxys_folder_even_if_its_name_holds_a_percent_sign(tctx):
    tctx.options.confdir = "/tmp/100%y"
    tctx.options.resplice_log = "{confdir}/resplice/%Y.jsonl"
    assert options.read(tctx.options).log == "/tmp/100%%y/resplice/%Y.jsonl"
    tctx.options.resplice_log = " "
    assert options.read(tctx.options).log == ""


@pytest.mark.parametrize(
    ("name", "values", "complaint"),
    [
        ("resplice_mode", ["anything"], None),
        ("resplice_log_keep", ["7"], None),
        ("resplice_log_keep", ["x"], "resplice_log_keep is 'x'; give a whole number from 0 to 10000."),
        ("resplice_log_keep", [""], "resplice_log_keep is ''; give a whole number from 0 to 10000."),
        ("resplice_log_keep", [], "resplice_log_keep has no values; give one."),
        ("resplice_mode", ["observe", "repair"], "resplice_mode has 2 values; give one."),
        ("resplice_mode", [], "resplice_mode has no values; give one."),
        ("resplice_evidense", ["full"], "resplice_evidense is no option of Resplice; did you mean resplice_evidence?"),
        ("resplice_zzzzzzzzzzz", ["1"], "resplice_zzzzzzzzzzz is no option of Resplice."),
        ("another_addons_option", ["1"], None),
    ],
)
def test_what_was_typed_wrong_is_named(name, values, complaint):
    assert options.complaints({name: values}) == ({name: complaint} if complaint else {})


def test_the_table_for_the_readme_has_a_row_for_each_option():
    lines = options.markdown_table().splitlines()
    assert len(lines) == len(OPTIONS) + 2
    assert all(line.count(" | ") == 3 for line in lines[2:])
    assert lines[2] == (
        "| `resplice_mode` | `repair` | repair, observe | repair: broken streams are mended. observe: not one byte changes, "
        "and the log says what would have been done. |"
    )


def test_repairs_are_switched_off_and_on_by_lists_or_by_text_and_anything_else_is_refused(tctx):
    addon = tctx.master.addons.get("resplice")
    tctx.configure(addon, resplice_off=["bom,meta_only", "chunk_id"])
    assert options.read(tctx.options).policy.off == {"bom", "meta_only", "chunk_id"}
    with pytest.raises(OptionsError, match="resplice_off has 'bomb', which is no repair; did you mean bom"):
        tctx.configure(addon, resplice_off=["bomb"])
    with pytest.raises(OptionsError, match=r"resplice_off has html_body, which is a loss: .* can't be switched off"):
        tctx.configure(addon, resplice_off=["html_body"])
    assert options.complaints({"resplice_off": ["bom", "chunk_id"]}) == {}
    assert options.spell("resplice_off", "bom, chunk_id") == ["bom, chunk_id"]
    assert options.spell("resplice_off", ["bom"]) == ["bom"]


SECONDS = [one for one in OPTIONS if one.seconds]


@pytest.mark.parametrize("option", SECONDS, ids=lambda one: one.name)
def test_seconds_may_have_decimals_and_are_checked(tctx, option):
    addon = tctx.master.addons.get("resplice")
    for text, number in {"15": 15.0, "0.5": 0.5, " 7 ": 7.0, "0": 0.0, str(option.high): option.high}.items():
        tctx.configure(addon, **{option.name: text})
        settings, name = options.read(tctx.options), option.name.removeprefix("resplice_")
        assert getattr(settings.limits if hasattr(settings.limits, name) else settings.policy, name) == number
    for text in ("-1", "x", "", "nan", "inf", "1e3", "86401", "99999999"):
        with pytest.raises(OptionsError, match=f"{option.name} is .*; give a number of seconds"):
            tctx.configure(addon, **{option.name: text})


@pytest.mark.parametrize(
    ("given", "every"),
    [({}, 0), ({"resplice_interim": "102"}, 15), ({"resplice_interim": "102", "resplice_heartbeat": "2"}, 2)],
)
def test_interim_responses_come_as_often_as_heartbeats(tctx, given, every):
    tctx.configure(tctx.master.addons.get("resplice"), **given)
    assert options.read(tctx.options).limits.interim == every


def test_without_an_option_that_says_so_nothing_is_done_before_an_answer_begins(tctx):
    assert not options.read(tctx.options).limits.any


def test_seconds_in_a_file_of_options_need_no_quotes():
    assert [options.spell("resplice_heartbeat", value) for value in (15, 0.5, "3", True)] == ["15", "0.5", "3", True]
    assert options.spell("resplice_log_keep", 5) == 5
    assert options.spell("listen_port", 5) == 5


def test_options_that_contradict_each_other_are_refused_in_one_line(tctx):
    with pytest.raises(
        OptionsError, match=r"resplice_comments=convert .* resplice_keepalive_form=comment .*; choose one"
    ) as failure:
        tctx.configure(tctx.master.addons.get("resplice"), resplice_comments="convert", resplice_keepalive_form="comment")
    assert "\n" not in str(failure.value)
