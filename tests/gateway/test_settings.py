"""The settings of a gateway: every mistake is reported by its key before anything is served, and no secret is shown."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from marketo_soap.cli.commands import cli
from marketo_soap.gateway import GatewaySettings
from marketo_soap.gateway.secrets import resolve
from tests.gateway.support import PATIENCE, Serve, run
from tests.sockets import make_certificate

GOOD = """
[[rest]]
base_url = "https://100-AEK-913.mktorest.com"
client_id = "id-1"
client_secret_env = "SECRET"
[[callers]]
name = "crm"
user_id = "crm_1"
encryption_key_env = "KEY"
"""
OTHER = '[[callers]]\nname = "web"\nuser_id = "web_1"\nencryption_key_env = "KEY"\n'
ENVIRONMENT = {"SECRET": "s3cr3t-s3cr3t", "KEY": "00112233"}


def load(folder: Path, text: str, environ: Mapping[str, str] = ENVIRONMENT) -> None:
    (folder / "gateway.toml").write_text(text)
    resolve(GatewaySettings.load(folder / "gateway.toml"), environ)


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    load(tmp_path, GOOD + OTHER)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "colour = 1\n", "colour is unknown"),
        ("", "port = 'x'\n", "port must be int"),
        ("", "port = 70000\n", "port is between 0 and 65535"),
        ("", "host = '0.0.0.0'\n", "host is not on this machine"),
        ("", "host = 'a b'\n", "host is not a host"),
        ("", "behind_proxy = true\n", "public_url is missing"),
        ("", "public_url = 'ftp://x'\n", "public_url: endpoint must look like"),
        ("", "certificate = 'a.pem'\n", "private_key is missing"),
        ("", "private_key = 'a.pem'\n", "certificate is missing"),
        ("", "metrics_public = true\n", "metrics_public needs a token for /metrics"),
        ("", "metrics_token = 's3cr3t-s3cr3t'\n", "metrics_token: secrets are not allowed in the configuration"),
        ("", "metrics_token_env = 'NO_TOKEN'\n", "metrics_token_env: the variable NO_TOKEN is not set, or empty"),
        ("", "metrics_token_env = 'A'\nmetrics_token_file = 'a'\n", "metrics_token_env and metrics_token_file are both given"),
        ("", "max_calls = 0\n", "max_calls must be more than 0"),
        ("", "read_seconds = -1\n", "read_seconds must be more than 0"),
        ("", "stop_seconds = 54\n", "stop_seconds must not be less than call_seconds"),
        ("", "stop_delay = -1\n", "stop_delay must not be negative"),
        ("", "workers = 0\n", "workers must be more than 0"),
        ("", "workers = 2\n", "workers: more than one need \\[redis\\]"),
        ("", "redis = {url = 'http://x'}\n", "redis: url must begin with redis://"),
        ("", "redis = {url = 'redis://x:port'}\n", "redis: url is not a URL"),
        ("", "redis = {url = 'redis://:s3cr3t-s3cr3t@x'}\n", "redis: url: a password is not allowed"),
        ("", "redis = {url = 'redis://x', password = 's3cr3t-s3cr3t'}\n", "redis.password: secrets are not allowed"),
        ("", "redis = {url = 'redis://x', password_env = 'NO_TOKEN'}\n", "redis.password_env: the variable NO_TOKEN is not"),
        ("", "redis = {url = 'redis://x', name = 'a:b'}\n", "redis: name must not be empty, or contain"),
        ("", "redis = {url = 'redis://x'}\nreplay_file = 'r.db'\n", "replay_file is of no use with \\[redis\\]"),
        ('base_url = "https://100-AEK-913.mktorest.com"\n', "", r"rest\[1\].base_url is missing"),
        ("https://100-AEK", "http://100-AEK", r"rest\[1\].base_url: endpoint must be https"),
        ("100-AEK-913.mktorest.com", "1.2.3.999", r"rest\[1\].base_url: endpoint is not a URL: Invalid IPv4"),
        ("mktorest.com", "mktorest.com/soap", r"rest\[1\].base_url: base_url must look like"),
        ('client_id = "id-1"\n', "", r"rest\[1\].client_id is missing: give it or client_id_env"),
        ('client_secret_env = "SECRET"\n', "", r"rest\[1\].client_secret_env is missing"),
        ("client_secret_env", "client_secret", r"rest\[1\].client_secret: secrets are not allowed in the conf"),
        ('client_secret_env = "SECRET"', 'client_secret_env = "s3cr3t-s3cr3t"', r"rest\[1\].client_secret_env: the var"),
        ("encryption_key_env", "encryption_key", r"callers\[1\].encryption_key: secrets are not allowed"),
        ('encryption_key_env = "KEY"', 'encryption_key_env = "00112233"', r"callers\[1\].encryption_key_env: the var"),
        ('encryption_key_env = "KEY"', 'encryption_key_file = "/00112233"', r"callers\[1\].encryption_key_file: the file"),
        ('"KEY"\n', '"KEY"\nencryption_key_file = "k"\n', r"callers\[1\]: encryption_key_env and encryption_key_file are both given"),
        ('name = "crm"', 'name = "a b"', r"callers\[1\].name: a name has only letters"),
        ('name = "crm"', 'name = "unknown"', r"callers\[1\].name: a name has only letters"),
        ('user_id = "crm_1"', 'user_id = " "', r"callers\[1\].user_id is empty"),
        ('"KEY"\n', '"KEY"\nrest = "other"\n', r"callers\[1\].rest: there is no \[\[rest\]\] of that name"),
        ('"KEY"\n', '"KEY"\ntimestamp_window = 0\n', r"callers\[1\].timestamp_window must be more than 0"),
        ('"KEY"\n', '"KEY"\nrefuse_replays = true\n',
         r"callers\[1\].refuse_replays must be one of False, 'request', 'signature'"),
        ('"KEY"\n', '"KEY"\nlimits = {calls = 0}\n', r"callers\[1\].limits: calls must be more than 0"),
        ('"SECRET"\n', '"SECRET"\nretry = {attempts = 0}\n', r"rest\[1\].retry: attempts must be more than 0"),
        ('"SECRET"\n', '"SECRET"\nbridge = {describe_file = "/no", field_sources = ["file"]}\n',
         r"rest\[1\].bridge.describe_file: it cannot be read: No such file"),
        ('"KEY"\n', '"KEY"\nbridge = {describe_file = "/dev/null", field_sources = ["file"]}\n',
         r"callers\[1\].bridge.describe_file /dev/null: not a reply of describe.json"),
        ("", "access_log = '/no/such/place'\n", "access_log: this file cannot be written"),
        ("", "replay_file = '/no/such/place'\n", "replay_file: this file cannot be written"),
        ('"KEY"\n', '"KEY"\nrefuse_replays = "request"\n', r"callers\[1\].refuse_replays needs a replay_file"),
        ("", "access_log = '/'\n", "access_log: this file cannot be written"),
        ("", "record_directory = '/dev/null/x'\n", "record_directory: this directory cannot be written"),
        ('client_id = "id-1"', 'client_id = ""', r"rest\[1\].client_id is empty, or has spaces or line breaks"),
        ('client_id = "id-1"', 'client_id = "id\\n1"', r"rest\[1\].client_id is empty, or has spaces or line breaks"),
        ('"KEY"\n', '"KEY"\nbridge = {on_duplicate = "no"}\n', r"callers\[1\].bridge.on_duplicate must be one of"),
        ('"KEY"\n', '"KEY"\n' + OTHER.replace("web_1", "crm_1"), r"callers\[2\].user_id is the same as that of callers\[1\]"),
        ('"KEY"\n', '"KEY"\n' + OTHER.replace('"web"', '"crm"'), r"callers\[2\].name is the same as that of callers\[1\]"),
        ("[[callers]]", "[[rest]]\nbase_url = 'https://b.com'\nclient_id = 'a'\nclient_secret_env = 'A'\n[[callers]]",
         r"callers\[1\].rest is missing|rest\[2\].name is the same as that of rest\[1\]"),
        ("[[callers]]", "[[callers", "gateway.toml: "),
    ],
)  # fmt: skip
def test_every_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = new + GOOD if not old else GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(ValueError, match=message) as raised:
        load(tmp_path, text)
    assert not [secret for secret in ENVIRONMENT.values() if secret in str(raised.value)]


def test_several_instances_need_names(tmp_path: Path) -> None:
    second = "[[rest]]\nname = 'two'\nbase_url = 'https://b.com'\nclient_id_env = 'A'\nclient_secret_env = 'A'\n"
    with pytest.raises(ValueError, match=r"callers\[1\].rest is missing: there are main, two"):
        load(tmp_path, GOOD + second)
    with pytest.raises(ValueError, match=r"rest\[2\].client_id_env: the variable A is not set"):
        load(tmp_path, GOOD + 'rest = "two"\n' + second)
    same = second.replace("https://b.com", "https://100-aek-913.mktorest.com/rest") + "limits = {calls = 50}\n"
    with pytest.raises(ValueError, match=r"rest\[2\].limits differ from those of another"):
        load(tmp_path, GOOD + 'rest = "two"\n' + same)


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  k3y-k3y\n")
    (tmp_path / "key").chmod(0o600)
    text = GOOD.replace('encryption_key_env = "KEY"', f'encryption_key_file = "{tmp_path}/key"')
    (tmp_path / "gateway.toml").write_text(text)
    settings = GatewaySettings.load(tmp_path / "gateway.toml")
    secrets = resolve(settings, ENVIRONMENT)
    assert secrets.callers["crm"].encryption_key == "k3y-k3y"
    shown = repr(settings) + repr(secrets)
    assert not [word for word in ("k3y-k3y", "s3cr3t", "crm_1", "id-1") if word in shown]
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ValueError, match=r"callers\[1\].encryption_key_file: the file that it names is empty"):
        resolve(settings, ENVIRONMENT)


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (
            GOOD.replace("SECRET", "NO_SUCH_VARIABLE"),
            [],
            "rest[1].client_secret_env: the variable NO_SUCH_VARIABLE is not set",
        ),
        ("access_log = '/no/place'\n" + GOOD, ["--check"], "access_log: this file cannot be written"),
    ],
)
def test_a_wrong_file_ends_the_process_with_a_sentence(
    tmp_path: Path, text: str, options: list[str], sentence: str
) -> None:
    process = run(tmp_path, text, *options, env=ENVIRONMENT)
    output = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 2
    assert sentence in output
    assert "Traceback" not in output


@pytest.mark.skipif(os.name == "nt", reason="files have no such bits")
@pytest.mark.parametrize(
    ("name", "mode", "what"),
    [
        ("key", 0o604, "read"),
        ("key", 0o602, "change"),
        ("secret", 0o444, "read"),
        ("token", 0o646, "change"),
        ("key.pem", 0o644, "read"),
    ],
)
def test_exposed_keys_are_refused_unless_allowed(
    tmp_path: Path, name: str, mode: int, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {name: tmp_path / name for name in ("key", "secret", "token", "key.pem")}
    for path in keys.values():
        path.write_text("s3cr3t-s3cr3t")
        path.chmod(0o600)
    text = GOOD.replace("client_secret_env = ", f"client_secret_file = '{keys['secret']}' # ")
    text = text.replace("encryption_key_env = ", f"encryption_key_file = '{keys['key']}' # ")
    text = f"metrics_token_file = '{keys['token']}'\nprivate_key = '{keys['key.pem']}'\ncertificate = 'x'\n{text}"
    load(tmp_path, text)
    keys[name].chmod(mode)
    with pytest.raises(ValueError, match=f"every user of this machine can {what} the file that it names: remove this"):
        load(tmp_path, text)
    assert caplog.text == ""
    load(tmp_path, f"allow_exposed_keys = true\n{text}")
    assert f"can {what} the file that it names" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_an_exposed_configuration_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(GOOD.replace("SECRET", "NO_SUCH_VARIABLE"))
    for mode, what in ((0o644, "read"), (0o606, "change"), (0o640, None)):
        (tmp_path / "gateway.toml").chmod(mode)
        output = (
            CliRunner().invoke(cli, ["gateway", "--config", str(tmp_path / "gateway.toml")], env=ENVIRONMENT).stderr
        )
        assert (f"warning: every user of this machine can {what} " in output) == (what is not None)
        assert "rest[1].client_secret_env: the variable NO_SUCH_VARIABLE is not set" in output


def test_https_is_spoken_with_a_certificate_and_a_wrong_one_is_named(serve: Serve, tmp_path: Path) -> None:
    make_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    top = 'certificate = "cert.pem"\nprivate_key = "key.pem"'
    gateway = serve(top=top, verify=trusting)
    assert gateway.url.startswith("https://127.0.0.1:")
    assert gateway.call() == "CREATED"
    process = run(tmp_path, "allow_exposed_keys = true\n" + top.replace("key.pem", "cert.pem") + GOOD, env=ENVIRONMENT)
    assert "certificate, private_key: " in process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 2
