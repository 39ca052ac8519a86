"""Verdicts and cards: which are allowed, and how they show themselves."""

import json

import pytest

from infomax_lib.stats import Interval
from paper.judging.claims import Part, combine
from paper.judging.verdicts import (
    CARD_MIME,
    FAILS,
    HOLDS,
    INTERPRETATION_VERDICTS,
    NUMBER_VERDICTS,
    UNDECIDED,
    VERDICTS_MIME,
    Card,
    Verdict,
    Verdicts,
    badge,
)

#: What says how far to trust a verdict, in words.
TRUST = ("quote", "decisive", "smallest", "effect", "detectable", "stands_for", "universes")


def example(**changes):
    values = {
        "id": "000.1", "source": "000", "place": "Sum & mary", "statement": "a < b & c",
        "test": "t > 1", "rule": "r > 2", "evidence": "<script>",
        "number_verdict": "not reproduced", "interpretation_verdict": "untestable here",
        "chapter": "bias_loophole", "runs": 2, "seeds": 1, "keys": ("aa", "b<"),
    }  # fmt: skip
    return Verdict(**values | changes)


class TestVerdict:
    def test_allowed(self):
        assert NUMBER_VERDICTS == ("reproduced", "partly", "not reproduced", "not applicable")
        assert (
            *("proved", "supported", "mixed", "at threshold", "underpowered", "not supported"),
            *("refuted", "disproved by construction", "untestable here", "not measured"),
        ) == INTERPRETATION_VERDICTS
        for name in NUMBER_VERDICTS:
            assert example(number_verdict=name).number_verdict == name
        for name in INTERPRETATION_VERDICTS:
            assert example(interpretation_verdict=name).interpretation_verdict == name

    @pytest.mark.parametrize(
        ("side", "outcomes"),
        [
            (HOLDS, ("holds", "proved")),
            (FAILS, ("fails", "opposite", "disproved")),
            (UNDECIDED, ("at threshold", "underpowered", "not measured")),
        ],
    )
    def test_of_a_claim_that_holds_fails_or_stays_open(self, side, outcomes):
        given = {combine([Part("p", outcome, "t")]) for outcome in outcomes}
        assert set(side) == given | ({"mixed"} if side is UNDECIDED else set())
        everything = {*HOLDS, *FAILS, *UNDECIDED, "untestable here"}
        assert everything == set(INTERPRETATION_VERDICTS)

    def test_another_is_refused_with_those_allowed(self):
        with pytest.raises(ValueError, match="interpretation_verdict") as refusal:
            example(interpretation_verdict="probably")
        assert str(refusal.value) == (
            "claim 000.1: interpretation_verdict is 'probably'; allowed: proved, supported, mixed, "
            "at threshold, underpowered, not supported, refuted, disproved by construction, "
            "untestable here, not measured"
        )
        with pytest.raises(ValueError, match="interpretation_verdict is 'inconclusive'"):
            example(interpretation_verdict="inconclusive")
        with pytest.raises(ValueError, match="number_verdict is 'close'; allowed: reproduced, "):
            example(number_verdict="close")

    def test_of_a_record_with_an_unknown_name_is_refused(self):
        with pytest.raises(ValueError, match="no field") as refusal:
            Verdict.from_dict({"colour": "red", "id": "000.1"})
        assert str(refusal.value).startswith("a verdict has no field ['colour']; allowed: ['amend")

    def test_without_runs_has_none(self):
        texts = ["000.1", "000", "p", "s", "t", "r", "e", "partly", "mixed", "theory"]
        assert Verdict(*texts) == Verdict(*texts, runs=0, seeds=0, keys=())
        assert Verdict(*texts).false_support is None
        assert {getattr(Verdict(*texts), name) for name in (*TRUST, "before", "amended")} == {""}
        record = dict(zip(Verdict.__dataclass_fields__, texts, strict=False))
        assert Verdict.from_dict(record) == Verdict(*texts)

    def test_cannot_be_changed(self):
        with pytest.raises(AttributeError):
            example().evidence = "other"


class TestVerdicts:
    verdicts = Verdicts([example(), example(id="000.2", number_verdict="partly")])

    def test_are_a_list(self):
        assert len(self.verdicts) == 2
        assert self.verdicts[1].id == self.verdicts.find("000.2").id == "000.2"
        assert isinstance(self.verdicts[:1], Verdicts)
        with pytest.raises(KeyError) as refusal:
            self.verdicts.find("000.3")
        assert refusal.value.args == ("no verdict on 000.3; there are ['000.1', '000.2']",)

    def test_are_counted(self):
        assert self.verdicts.counts() == {
            "number": {"reproduced": 0, "partly": 1, "not reproduced": 1, "not applicable": 0},
            "interpretation": dict.fromkeys(INTERPRETATION_VERDICTS, 0) | {"untestable here": 2},
        }

    def test_survive_json(self):
        bundle = self.verdicts._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html", VERDICTS_MIME}
        records = json.loads(json.dumps(bundle[VERDICTS_MIME]))
        assert records[0]["keys"] == ["aa", "b<"]
        assert Verdicts.from_records(records) == self.verdicts
        assert isinstance(Verdicts.from_records(records)[0].keys, tuple)
        # executed pages are searched for it
        assert VERDICTS_MIME == "application/vnd.infomax.verdicts+json"

    def test_in_plain_text(self):
        first = (
            "000.1 (Sum & mary): numbers not reproduced; claim untestable here\n"
            "    claim: a < b & c\n"
            "    rule: r > 2\n"
            "    evidence: <script>"
        )
        assert self.verdicts._repr_mimebundle_()["text/plain"].startswith(f"{first}\n000.2 (Sum")
        assert repr(Verdicts([example()])) == first
        trusted = example(effect="1 < 2", universes="3 of 4")
        assert repr(Verdicts([trusted])) == (
            f"{first}\n    Measured: 1 < 2; The same verdict under other choices: 3 of 4"
        )

    def test_as_a_table_with_badges_and_escaped(self):
        html = self.verdicts._repr_mimebundle_()["text/html"]
        head, first, second, end = html.split("<tr")[0], *html.split("<tr ")[1:], html[-19:]
        assert head == '<table class="verdicts">\n<thead>'
        assert (
            "<tr><th>Claim</th><th>What it says, and the evidence</th><th>Numbers</th>"
            "<th>Interpretation</th></tr></thead>\n<tbody>\n"
        ) in html
        assert end == ">\n</tbody>\n</table>"
        assert first == (
            'id="claim-000-1"><td>000.1<br><small>Sum &amp; mary</small></td>'
            "<td>a &lt; b &amp; c<br><strong>Evidence (2 runs, 1 seeds):</strong> "
            "&lt;script&gt;<details><summary>How far to trust it</summary></details>"
            "<details><summary>Test and rule</summary>Test: t &gt; 1<br>"
            'Rule: r &gt; 2<br><span class="verdict-keys">Results: aa b&lt;</span></details></td>'
            '<td><span class="badge-verdict not-reproduced">not reproduced</span></td>'
            '<td><span class="badge-verdict untestable-here">untestable here</span></td></tr>\n'
        )
        assert second.startswith('id="claim-000-2"')

    def test_without_runs_name_none(self):
        html = Verdicts([example(runs=0, seeds=0, keys=())]).html()
        assert "<strong>Evidence:</strong>" in html
        assert "Rule: r &gt; 2</details>" in html

    def test_say_how_far_to_trust_them(self):
        texts = {name: f"{name} < 1" for name in TRUST} | {"before": "mixed", "amended": "A < B."}
        html = Verdicts([example(**texts, false_support=0.02345)]).html()
        assert (
            "<summary>How far to trust it</summary>Decisive: decisive &lt; 1<br>"
            "Measured: effect &lt; 1<br>Smallest effect of interest: smallest &lt; 1<br>"
            "Least detectable effect (power 75 to 80 %): detectable &lt; 1<br>"
            "The verdict stands for bars: stands_for &lt; 1<br>"
            "Supported by chance, without effect: 2.3 % of experiments<br>"
            "The same verdict under other choices: universes &lt; 1</details>"
        ) in html
        assert "<summary>Test and rule</summary>Source: “quote &lt; 1”<br>Test: t &gt; 1" in html
        assert "Rule: r &gt; 2<br>Amended (before: mixed): A &lt; B.<br><span" in html
        assert "0.0 % of experiments" in Verdicts([example(false_support=0.0)]).html()

    def test_survive_json_with_all_that_they_say(self):
        texts = {name: name for name in (*TRUST, "before", "amended")}
        verdicts = Verdicts([example(**texts, false_support=0.02)])
        assert Verdicts.from_records(json.loads(json.dumps(verdicts.records()))) == verdicts


def test_badge_is_escaped():
    assert badge("a <b") == '<span class="badge-verdict a-&lt;b">a &lt;b</span>'


class TestCard:
    number = Interval(2.85, 2.79, 2.91, 20)
    values = ("bias_loophole", "T <t>", "C <c>", number, "mixed", "S <b>", "QUJD")

    def test_formats_its_interval(self):
        bundle = Card(*self.values)._repr_mimebundle_()
        assert bundle[CARD_MIME] == {
            "chapter": "bias_loophole", "title": "T <t>", "claim": "C <c>", "key_number": "2.85",
            "interval": "[2.79, 2.91]", "verdict": "mixed", "sentence": "S <b>", "image": "QUJD",
            "alt": "", "takeaway": "",
        }  # fmt: skip
        assert Card(**json.loads(json.dumps(bundle[CARD_MIME]))) == Card(*self.values)
        assert CARD_MIME == "application/vnd.infomax.card+json"

    def test_of_one_run_has_no_interval_and_its_own_words_count(self):
        one = Card("theory", "T", "C", Interval(2.0, float("nan"), float("nan"), 1), "mixed", "S")
        assert (one.key_number, one.interval) == ("2", "")
        own = Card(*self.values, interval="over 20 seeds")
        assert (own.key_number, own.interval) == ("2.85", "over 20 seeds")

    def test_in_html_and_in_plain_text(self):
        bundle = Card(*self.values, alt='A "picture"', takeaway="What follows.")._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html", CARD_MIME}
        assert bundle["text/plain"] == "T <t>: C <c> — mixed. 2.85 [2.79, 2.91]: S <b>"
        assert bundle["text/html"] == (
            '<div class="finding-card"><img src="data:image/png;base64,QUJD" '
            'alt="A &quot;picture&quot;"><strong>T &lt;t&gt;</strong><p>C &lt;c&gt; '
            '<span class="badge-verdict mixed">mixed</span></p><span class="key-number">2.85'
            "</span> <small>[2.79, 2.91]</small><br>S &lt;b&gt;</div>"
        )
        assert bundle[CARD_MIME]["takeaway"] == "What follows."

    def test_without_a_picture_or_a_text_for_it(self):
        assert 'alt="T &lt;t&gt;"' in Card(*self.values).html()
        card = Card("theory", "T", "C", "a & b", "mixed", "S")
        assert card.image == card.alt == card.interval == card.takeaway == ""
        with pytest.raises(AttributeError):
            card.verdict = "supported"
        plain = card.html()
        assert plain.startswith('<div class="finding-card"><strong>T</strong>')
        assert '<span class="key-number">a &amp; b</span> <small></small>' in plain

    def test_with_an_unknown_verdict_is_refused(self):
        with pytest.raises(ValueError, match="card theory") as refusal:
            Card("theory", "T", "C", "1", "great", "S")
        assert str(refusal.value) == (
            "card theory: verdict 'great' is not one of proved, supported, mixed, at threshold, "
            "underpowered, not supported, refuted, disproved by construction, untestable here, "
            "not measured"
        )
