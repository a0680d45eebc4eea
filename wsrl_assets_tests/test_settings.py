"""Settings come from the environment, are overridden per run, and say what is wrong with them."""

import os
from pathlib import Path

import pytest

from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.roles import Role
from wsrl_assets.settings import Settings, SettingsError, load_roles, load_settings
from wsrl_assets.taxonomy.forms import Form

URL = "http://127.0.0.1:8000/v1"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("WSRL_"):
            monkeypatch.delenv(name)


def set_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"WSRL_{name}", value)


class TestSettings:
    def test_defaults_are_those_of_the_paper(self) -> None:
        settings = load_settings()
        assert settings.forms == (Form.OPEN,)
        assert settings.personas == 3
        assert settings.judge
        assert settings.judge_votes == 1
        assert settings.round_trip
        assert settings.home == Path(".wsrl")
        assert not settings.rates_pairs

    def test_lists_are_comma_separated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_environment(monkeypatch, FORMS="open, cloze", BENCHMARKS="a.jsonl,b.parquet")
        settings = load_settings()
        assert settings.forms == (Form.OPEN, Form.CLOZE)
        assert settings.benchmarks == ("a.jsonl", "b.parquet")

    def test_an_empty_variable_is_as_good_as_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_environment(monkeypatch, FORMS="", PERSONAS="", BENCHMARKS="")
        assert load_settings() == Settings()

    def test_an_override_wins_over_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_environment(monkeypatch, PERSONAS="2", SEED="7")
        settings = load_settings({"personas": 1})
        assert settings.personas == 1
        assert settings.seed == 7, "an override of none is no override"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PERSONAS", "4"),
            ("PERSONAS", "0"),
            ("PERSONAS", "many"),
            ("FORMS", "open,clothes"),
            ("FORMS", ","),
            ("MAX_PASSAGE_TOKENS", "63"),
            ("MAX_IN_FLIGHT", "0"),
            ("JUDGE", "perhaps"),
            ("JUDGE_VOTES", "0"),
            ("JUDGE_VOTES", "2"),
            ("JUDGE_VOTES", "17"),
            ("VALIDATION_SHARE", "1"),
            ("TEST_SHARE", "-0.1"),
            ("TEST_SHARE", "nan"),
            ("PASS_RATE_ROLLOUTS", "-1"),
            ("ROLLOUT_TOKENS", "0"),
            ("PASS_RATE_ABOVE", "1"),
            ("PASS_RATE_BELOW", "0"),
        ],
    )
    def test_a_bad_value_is_refused_by_the_name_of_its_variable(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        set_environment(monkeypatch, **{name: value})
        with pytest.raises(SettingsError, match=f"WSRL_{name}"):
            load_settings()

    def test_all_bad_values_are_named_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_environment(monkeypatch, PERSONAS="9", SEED="x")
        with pytest.raises(SettingsError, match=r"WSRL_PERSONAS.*WSRL_SEED"):
            load_settings()


class TestRoles:
    def test_a_missing_endpoint_matters_only_when_it_is_needed(self) -> None:
        roles = load_roles()
        with pytest.raises(EndpointError, match="WSRL_LLM_BASE_URL"):
            roles[Role.JUDGE]

    def test_several_servers_are_several_urls_each_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, LLM_BASE_URL=f" {URL}/, http://b/v1 ,{URL},")
        assert load_roles()[Role.TRIAGE].base_urls == [URL, "http://b/v1"]

    @pytest.mark.parametrize("urls", [f"{URL},host:8000", ",", f"{URL} http://b/v1;c"])
    def test_what_is_no_list_of_urls_is_named(
        self, monkeypatch: pytest.MonkeyPatch, urls: str
    ) -> None:
        set_environment(monkeypatch, LLM_JUDGE_BASE_URL=urls)
        with pytest.raises(SettingsError, match="WSRL_LLM_JUDGE_BASE_URL"):
            load_roles()

    def test_metrics_are_of_the_servers_behind_one_router(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        metrics = ("http://a/metrics", "http://b/metrics")
        set_environment(monkeypatch, LLM_BASE_URL=URL, LLM_METRICS_URLS=", ".join(metrics))
        roles = load_roles()
        assert {roles[role].metrics_urls for role in Role} == {metrics}
        set_environment(monkeypatch, LLM_JUDGE_BASE_URL="http://judge/v1")
        assert load_roles()[Role.JUDGE].metrics_urls == ()
        set_environment(monkeypatch, LLM_BASE_URL=f"{URL},http://b/v1")
        with pytest.raises(SettingsError, match="WSRL_LLM_METRICS_URLS"):
            load_roles()

    def test_all_roles_take_the_shared_endpoint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_environment(
            monkeypatch,
            LLM_BASE_URL=URL + "/",
            LLM_MODEL="shared",
            LLM_API_KEY="secret",
            LLM_TIMEOUT_S="9",
        )
        roles = load_roles()
        for role in Role:
            settings = roles[role]
            assert (settings.base_url, settings.model) == (URL, "shared")
            assert settings.timeout_s == 9
            assert settings.api_key is not None
            assert settings.api_key.get_secret_value() == "secret"

    def test_only_generator_and_policy_sample_unless_told_so(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, LLM_BASE_URL=URL)
        temperatures = {role: load_roles()[role].temperature for role in Role}
        assert temperatures == {
            Role.TRIAGE: 0,
            Role.GENERATOR: 0.7,
            Role.JUDGE: 0,
            Role.POLICY: 1,
        }

    def test_a_role_overrides_what_it_names_and_inherits_the_rest(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(
            monkeypatch,
            LLM_BASE_URL=URL,
            LLM_MODEL="shared",
            LLM_JUDGE_MODEL="judge",
            LLM_JUDGE_TEMPERATURE="0.5",
        )
        roles = load_roles()
        assert (roles[Role.JUDGE].model, roles[Role.JUDGE].temperature) == ("judge", 0.5)
        assert roles[Role.JUDGE].base_url == URL
        assert roles[Role.TRIAGE].model == "shared"

    def test_a_role_on_another_server_takes_neither_model_nor_key_of_the_shared_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(
            monkeypatch,
            LLM_BASE_URL=URL,
            LLM_MODEL="shared",
            LLM_API_KEY="secret",
            LLM_JUDGE_BASE_URL="https://judge.example/v1",
        )
        judge = load_roles()[Role.JUDGE]
        assert judge.base_url == "https://judge.example/v1"
        assert judge.model is None
        assert judge.api_key is None

    def test_the_same_server_named_twice_is_the_same_server(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, LLM_BASE_URL=URL, LLM_MODEL="shared", LLM_JUDGE_BASE_URL=URL)
        assert load_roles()[Role.JUDGE].model == "shared"

    def test_an_override_for_all_roles_and_one_for_a_role(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, LLM_BASE_URL="http://elsewhere/v1", LLM_MODEL="env")
        roles = load_roles({None: {"base_url": URL, "model": ""}, Role.JUDGE: {"model": "j"}})
        assert roles[Role.TRIAGE].base_url == URL
        assert roles[Role.TRIAGE].model == "env", "an empty override is no override"
        assert roles[Role.JUDGE].model == "j"

    def test_cached_tokens_cost_what_prompt_tokens_do_unless_told_so(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, LLM_BASE_URL=URL, LLM_PROMPT_PRICE="2")
        assert load_roles()[Role.TRIAGE].prices.cached == 2
        set_environment(monkeypatch, LLM_CACHED_PRICE="0.5")
        assert load_roles()[Role.TRIAGE].prices.cached == 0.5

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("LLM_TEMPERATURE", "3"),
            ("LLM_JUDGE_TEMPERATURE", "hot"),
            ("LLM_GENERATOR_TIMEOUT_S", "0"),
            ("LLM_PROMPT_PRICE", "-1"),
            ("LLM_BASE_URL", "localhost:8000"),
        ],
    )
    def test_a_bad_value_is_refused_by_the_name_of_its_variable(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        set_environment(monkeypatch, LLM_BASE_URL=URL)
        set_environment(monkeypatch, **{name: value})
        with pytest.raises(SettingsError, match=f"WSRL_{name}"):
            load_roles()

    def test_a_key_is_never_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_environment(monkeypatch, LLM_BASE_URL=URL, LLM_API_KEY="sk-very-secret")
        roles = load_roles()
        assert "sk-very-secret" not in repr(roles[Role.JUDGE]) + str(roles[Role.JUDGE])

    def test_a_key_is_not_in_the_message_of_another_bad_setting(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, LLM_API_KEY="sk-very-secret", LLM_TEMPERATURE="9")
        with pytest.raises(SettingsError) as raised:
            load_roles()
        assert "sk-very-secret" not in str(raised.value)


class TestWhatIsEasilyMistaken:
    """Settings that were once taken wrongly."""

    def test_a_bad_url_of_a_role_is_refused_by_its_own_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, LLM_JUDGE_BASE_URL="localhost:8000")
        with pytest.raises(SettingsError, match="WSRL_LLM_JUDGE_BASE_URL"):
            load_roles()

    def test_a_trailing_comma_names_no_benchmark(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_environment(monkeypatch, BENCHMARKS="a.jsonl,")
        assert load_settings().benchmarks == ("a.jsonl",)

    def test_shares_that_leave_nothing_to_train_on_are_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, VALIDATION_SHARE="0.6", TEST_SHARE="0.6")
        with pytest.raises(SettingsError, match="SHARE"):
            load_settings()

    def test_a_range_of_pass_rates_that_holds_none_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(monkeypatch, PASS_RATE_ABOVE="0.5", PASS_RATE_BELOW="0.5")
        with pytest.raises(SettingsError, match="WSRL_PASS_RATE_ABOVE"):
            load_settings()

    def test_another_server_does_not_cost_what_the_shared_one_does(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_environment(
            monkeypatch,
            LLM_BASE_URL=URL,
            LLM_PROMPT_PRICE="2",
            LLM_JUDGE_BASE_URL="https://judge.example/v1",
        )
        assert load_roles()[Role.JUDGE].prices.prompt == 0
