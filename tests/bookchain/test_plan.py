"""The plan of a run: parameters from presets, refused when unknown, and the data a reader gives."""

import json

import pytest
import yaml
from conftest import ROOT

from bookchain.plan import Plan
from bookchain.presets import PlanError
from bookchain.surroundings import cores


def preset(folder, content):
    path = folder / "mine.yml"
    path.write_text(yaml.safe_dump(content))
    return {"preset": str(path)}


def parameters(plan, chapter):
    return json.loads(plan.made_from(chapter))["parameters"]


def test_quick_is_the_default_and_overrides_nothing_but_the_run():
    plan = Plan(ROOT, {}, {})
    assert plan.run == "runs/quick"
    assert parameters(plan, "03-pretext-learning") == {"run": "runs/quick"}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "presets").glob("*.yml")))
def test_presets_know_only_parameters_that_their_chapters_know(name, tmp_path):
    given = {data: str(tmp_path) for data in ("kermany", "vindr", "lung_masks", "segmenter", "vgg16")}
    given |= {"cohort": str(tmp_path)} if name == "own" else {}
    assert Plan(ROOT, {"preset": name, **given}, {}).preset == name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"03-pretext-learning": {"epoch": 3}}, "03-pretext-learning has no parameter 'epoch'"),
        ({"10-more": {}}, "no chapter '10-more'"),
        ({"extends": "gone"}, "mine.yml: extends 'gone'"),
        ({"needs": ["kermany", "vgg16"]}, "needs KERMANY and VGG16"),
    ],
)
def test_unknown_names_and_missing_data_are_refused(tmp_path, content, message):
    with pytest.raises(PlanError, match=message):
        Plan(ROOT, preset(tmp_path, content), {})


@pytest.mark.parametrize(
    ("config", "message"), [({"preset": "fast"}, "preset 'fast'"), ({"kermany": "nowhere"}, "KERMANY=nowhere")]
)
def test_what_is_not_there_is_named(config, message):
    with pytest.raises(PlanError, match=message):
        Plan(ROOT, config, {})


def test_recorded_numbers_that_a_chapter_reads_by_itself_count_as_its_data():
    """As the chapter's own parameter names them: where they change, it runs again."""
    assert set(json.loads(Plan(ROOT, {}, {}).made_from("03-pretext-learning"))["data"]) == {"recorded_starts"}


def test_data_come_from_the_configuration_or_the_environment(tmp_path):
    plan = Plan(ROOT, {"kermany": str(tmp_path)}, {"KERMANY": "elsewhere", "LUNG_MASKS": str(tmp_path)})
    used = parameters(plan, "01-preprocessing")
    assert used["kermany"] == used["lung_masks"] == str(tmp_path)
    assert "kermany" not in parameters(plan, "03-pretext-learning")


SOURCES = ("configuration", "environment", "preset")


def with_data(source, folder, **data):
    """Make a plan whose data paths come from one of the three sources; its preset is in `folder`."""
    sections = {"01-preprocessing": data} if source == "preset" else {}
    variables = {name.upper(): path for name, path in data.items()} if source == "environment" else {}
    return Plan(ROOT, preset(folder, sections) | (data if source == "configuration" else {}), variables)


@pytest.mark.parametrize("source", SOURCES)
def test_banner_badges_fingerprints_and_chapters_agree_wherever_the_data_come_from(tmp_path, source):
    folder = tmp_path / "data"
    folder.mkdir()
    plan = with_data(source, tmp_path, kermany=str(folder), vindr=str(folder))
    assert plan.banner().startswith("Made from credentialed data (VinDr-PCXR): do not publish")
    assert set(plan.origins().values()) == {"real"}
    made = json.loads(plan.made_from("01-preprocessing"))
    assert made["data"].keys() == {"kermany", "vindr"}
    assert made["parameters"]["kermany"] == made["parameters"]["vindr"] == str(folder)
    named = {"preset": "mine.yml: 01-preprocessing: vindr: nowhere"}.get(source, "VINDR=nowhere")
    with pytest.raises(PlanError, match=f"{named}: no such file or folder"):
        with_data(source, tmp_path, vindr="nowhere")


@pytest.mark.parametrize("source", SOURCES)
def test_a_path_at_home_is_the_users_home_though_chapters_have_another(tmp_path, source, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x-rays").mkdir()
    plan = with_data(source, tmp_path, kermany="~/x-rays")
    assert parameters(plan, "01-preprocessing")["kermany"] == str(tmp_path / "x-rays")


def test_a_path_in_the_preset_is_what_the_preset_needs(tmp_path):
    plan = Plan(ROOT, preset(tmp_path, {"needs": ["vindr"], "01-preprocessing": {"vindr": str(tmp_path)}}), {})
    assert plan.given == {"vindr": str(tmp_path)}


def test_a_changed_exclusion_list_is_seen_and_a_missing_one_refused(tmp_path):
    left_out = tmp_path / "left-out.txt"
    config = preset(tmp_path, {"01-preprocessing": {"vindr_exclude": str(left_out)}})
    with pytest.raises(PlanError, match=r"mine.yml: 01-preprocessing: vindr_exclude is .*no such file"):
        Plan(ROOT, config, {})
    made = []
    for text in ("a", "a\nb"):
        left_out.write_text(text)
        made.append(json.loads(Plan(ROOT, config, {}).made_from("01-preprocessing"))["data"]["vindr_exclude"])
    assert made[0] != made[1]


def test_backend_and_threads_are_part_of_what_a_chapter_is_made_from(tmp_path):
    def made(config, variables):
        return json.loads(Plan(ROOT, config, variables).made_from("09-auditing-the-paper"))["surroundings"]

    assert made({}, {}) == {"backend": "tensorflow", "threads": cores()}
    assert made(preset(tmp_path, {"threads": 3}), {"KERAS_BACKEND": "jax"}) == {"backend": "jax", "threads": 3}


def test_on_a_cluster_a_chapter_has_the_threads_of_its_front_matter_whatever_the_login_node_has(tmp_path, monkeypatch):
    monkeypatch.setattr("bookchain.plan.cores", lambda: 97)
    chapters = ("03-pretext-learning", "09-auditing-the-paper")

    def threads(config, variables):
        plan = Plan(ROOT, config, variables)
        assert [json.loads(plan.made_from(name))["surroundings"]["threads"] for name in chapters] == [
            plan.threads(name) for name in chapters
        ]
        return [plan.threads(name) for name in chapters]

    assert threads({}, {}) == [97, 97]
    assert threads({}, {"PROFILE": "slurm"}) == [4, 1]
    assert threads(preset(tmp_path, {"threads": 3}), {"PROFILE": "slurm"}) == [3, 3]


def test_a_profile_that_is_not_there_is_refused():
    with pytest.raises(PlanError, match="PROFILE=lsf: no such folder .*known: default, kubernetes, slurm"):
        Plan(ROOT, {}, {"PROFILE": "lsf"})


def test_gpus_are_asked_for_by_chapters_that_use_them_in_presets_that_are_made_for_them(tmp_path):
    chapters = ("03-pretext-learning", "08-significance")
    made = [Plan(ROOT, preset(tmp_path, {"gpu": gpu}), {}) for gpu in (True, False)]
    assert [[plan.gpus(name) for name in chapters] for plan in made] == [[1, None], [None, None]]


def test_a_run_that_snakemake_has_no_record_of_is_trusted_only_if_it_was_made_from_the_same(tmp_path):
    for name in ("_toc.yml", "cxrlib", "phantom", "notebooks", "presets"):
        (tmp_path / name).symlink_to(ROOT / name)
    plan = Plan(tmp_path, {}, {})
    executed = tmp_path / plan.run / "executed"
    executed.mkdir(parents=True)
    (executed / "09-auditing-the-paper.json").write_text(plan.made_from("09-auditing-the-paper"))
    (executed / "08-significance.json").write_text("{}")
    assert plan.disown() == ["08-significance"]
    assert {path.name for path in executed.iterdir()} == {
        "09-auditing-the-paper.json",
        "08-significance.elsewhere.json",
    }


def test_changed_data_change_the_fingerprint(tmp_path):
    before = Plan(ROOT, {"kermany": str(tmp_path)}, {}).made_from("01-preprocessing")
    (tmp_path / "image.jpeg").write_bytes(b"1")
    assert Plan(ROOT, {"kermany": str(tmp_path)}, {}).made_from("01-preprocessing") != before


def test_a_module_concerns_the_chapters_that_use_it_alone():
    plan = Plan(ROOT, {}, {})
    used = {chapter: json.loads(plan.made_from(chapter))["modules"] for chapter in plan.chapters}
    assert {chapter for chapter in used if "cxrlib.networks.ensembles" in used[chapter]} == {"05-ensembles"}


def test_banner_tells_what_is_real_and_forbids_publishing_credentialed_data(tmp_path):
    folder = {"kermany": str(tmp_path)}
    synthetic = Plan(ROOT, {}, {}).banner()
    assert synthetic == "Synthetic demo: not patients, not for clinical use."
    both = Plan(ROOT, folder, {}).banner()  # the quick preset classifies VinDr-PCXR, which is not given
    assert both.startswith("This run used real radiographs for restoration")
    assert "a synthetic demo for classification" in both
    one = preset(tmp_path, {"01-preprocessing": {"classification": "kermany"}})
    real = Plan(ROOT, one | folder, {}).banner()
    assert real.startswith("This run used real radiographs (Kermany")
    for banner in (both, real):
        assert banner.endswith("Not for clinical use.")
    assert "do not publish" in Plan(ROOT, {"vindr": str(tmp_path)}, {}).banner()
    assert "do not publish" in Plan(ROOT, folder | {"vindr": str(tmp_path)}, {}).banner()


@pytest.fixture
def own_table(tmp_path):
    """A table of two images, of which one is there."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films/1.png").write_bytes(b"1")
    table = tmp_path / "my films.csv"
    table.write_text("path,patient,label\nfilms/1.png,p1,x\nfilms/2.png,p2,y\n")
    return table


@pytest.mark.parametrize("source", ["configuration", "environment"])
def test_ones_own_table_is_named_on_each_page_and_nobodys_licence_is_claimed_for_it(own_table, source):
    given = {"cohort": str(own_table)}
    plan = (
        Plan(ROOT, {"preset": "own"} | given, {})
        if source == "configuration"
        else Plan(ROOT, {"preset": "own"}, {"COHORT": str(own_table)})
    )
    assert plan.origins() == {"restoration": "real", "classification": "real"}
    assert plan.banner().startswith("This run used images of my films.csv. Publish the pages only if you may publish")
    assert not {"Kermany", "CC BY", "VinDr", "patients"} & set(plan.banner().replace(",", " ").split())
    assert str(own_table.parent) not in plan.banner()
    for chapter in ("01-preprocessing", "02-noise-and-blur"):
        assert parameters(plan, chapter)["cohort_table"] == str(own_table)


def test_a_table_may_play_one_part_and_the_other_keeps_its_name(own_table, tmp_path):
    one = preset(tmp_path, {"01-preprocessing": {"classification": "own"}}) | {"cohort": str(own_table)}
    banner = Plan(ROOT, one, {}).banner()
    assert banner.startswith(
        "This run used images of my films.csv for classification, a synthetic demo for restoration."
    )
    banner = Plan(ROOT, one | {"kermany": str(tmp_path)}, {}).banner()
    assert "real radiographs for restoration (Kermany et al. 2018, CC BY 4.0) and images of my films.csv for" in banner
    assert "Publish the pages only if you may" in banner
    other = preset(tmp_path, {"01-preprocessing": {"restoration": "own"}}) | {"cohort": str(own_table)}
    assert "do not publish these pages" in Plan(ROOT, other | {"vindr": str(tmp_path)}, {}).banner()


def test_a_table_that_no_chapter_reads_and_a_preset_without_its_table_are_refused(own_table):
    with pytest.raises(PlanError, match="COHORT is given, and no chapter of this preset reads it; take PRESET=own"):
        Plan(ROOT, {"cohort": str(own_table)}, {})
    with pytest.raises(PlanError, match="needs COHORT; for example: make book PRESET=own COHORT=path/to/it"):
        Plan(ROOT, {"preset": "own"}, {})
    with pytest.raises(PlanError, match="COHORT=nowhere.csv: no such file"):
        Plan(ROOT, {"preset": "own", "cohort": "nowhere.csv"}, {})


def test_a_changed_image_of_a_table_is_seen_and_a_changed_neighbour_is_not(own_table):
    def made():
        return json.loads(Plan(ROOT, {"preset": "own", "cohort": str(own_table)}, {}).made_from("01-preprocessing"))

    first = made()["data"]["cohort_table"]
    (own_table.parent / "films/3.png").write_bytes(b"3")
    assert made()["data"]["cohort_table"] == first
    (own_table.parent / "films/1.png").write_bytes(b"other")
    second = made()["data"]["cohort_table"]
    (own_table.parent / "my films-boxes.csv").write_text("path\n")
    assert len({first, second, made()["data"]["cohort_table"]}) == 3


def test_preset_extends_another_parameter_by_parameter(tmp_path):
    (tmp_path / "base.yml").write_text(
        yaml.safe_dump({"needs": ["vgg16"], "03-pretext-learning": {"epochs": 3, "seed": 1}})
    )
    config = preset(tmp_path, {"extends": "base", "needs": [], "03-pretext-learning": {"epochs": 9}})
    used = parameters(Plan(ROOT, config, {}), "03-pretext-learning")
    assert (used["epochs"], used["seed"]) == (9, 1)
    with pytest.raises(PlanError, match="base.yml: this preset needs VGG16|mine.yml: this preset needs VGG16"):
        Plan(ROOT, preset(tmp_path, {"extends": "base"}), {})


def test_run_folder_that_is_a_file_is_named(tmp_path):
    for name in ("cxrlib", "notebooks", "presets"):
        (tmp_path / name).mkdir()
    (tmp_path / "presets/quick.yml").write_text("")
    (tmp_path / "runs").write_text("")
    with pytest.raises(PlanError, match="runs: no folder that can be written to"):
        Plan(tmp_path, {}, {})
