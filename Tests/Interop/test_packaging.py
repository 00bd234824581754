"""What `make install` and `make deb` give: programs, manual, unit, package, and their removal."""
import gzip, os, pathlib, re, shutil, subprocess, sys

import pytest
from conftest import BIN, ROOT, Server

PACKAGING = ROOT / "packaging"


def need(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


def run(*command, **variables):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
        env={**os.environ, "BIN": str(BIN), "DEB_LEVEL": "0", **{k: str(v) for k, v in variables.items()}})
    assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A tree into which everything was installed under /usr."""
    tree = tmp_path_factory.mktemp("tree")
    run(PACKAGING / "install.sh", "install", DESTDIR=tree, PREFIX="/usr")
    return tree


def run_a_job(server):
    """A job that only ends when millrace-shim runs it."""
    batch = server.client("batch")
    batch.register_job_definition(
        jobDefinitionName="true", type="container",
        containerProperties={"image": "/bin/true", "resourceRequirements": [
            {"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]})
    job = batch.submit_job(jobName="true", jobQueue="default", jobDefinition="true")["jobId"]
    while (found := batch.describe_jobs(jobs=[job])["jobs"][0])["status"] not in ("SUCCEEDED", "FAILED"):
        pass
    assert found["status"] == "SUCCEEDED", found


def test_installed_programs_work(installed, tmp_path):
    assert (installed / "usr/libexec/millrace/millrace-shim").exists()
    # What is installed has to do without the Swift toolchain.
    for program in ("bin/millrace", "libexec/millrace/millrace-shim"):
        assert "swift" not in run("ldd", installed / "usr" / program).lower()
    server = Server(tmp_path, program=[installed / "usr/bin/millrace"])
    try:
        run_a_job(server)
    finally:
        server.stop()


def test_completions_know_the_commands(installed):
    share = installed / "usr/share"
    bash = share / "bash-completion/completions/millrace"
    run("bash", "-n", bash)
    completed = run("bash", "-c", f'. {bash}; COMP_WORDS=(millrace sub); COMP_CWORD=1; COMP_LINE="millrace sub"; '
                                  'COMP_POINT=12; _millrace millrace sub millrace; echo "${COMPREPLY[@]}"')
    assert completed.split() == ["submit"]
    assert "#compdef millrace" in (share / "zsh/site-functions/_millrace").read_text()
    assert "complete -c 'millrace'" in (share / "fish/vendor_completions.d/millrace.fish").read_text()


def test_uninstall_leaves_what_was_changed(tmp_path):
    def call(verb):
        return run(PACKAGING / "install.sh", verb, DESTDIR=tmp_path, PREFIX="/opt/millrace")

    call("install")
    config = tmp_path / "etc/millrace/millrace.yaml"
    assert config.exists() and (tmp_path / "opt/millrace/bin/millrace").exists()
    call("uninstall")
    assert files(tmp_path) == []
    call("install")
    config.write_text("port: 9500\n")
    call("install")
    call("uninstall")
    assert files(tmp_path) == ["etc/millrace/millrace.yaml"] and config.read_text() == "port: 9500\n"


def test_manual_has_every_command(installed):
    page = gzip.decompress((installed / "usr/share/man/man1/millrace.1.gz").read_bytes()).decode()
    commands = re.findall(r"^  ([a-z]+) ", run(BIN / "millrace", "help").split("SUBCOMMANDS:", 1)[1], re.M)
    assert len(commands) > 10
    for command in commands:
        assert re.search(rf"^\.Ss {command}\b", page, re.M), command


@need("mandoc")
@pytest.mark.parametrize("page", ["man1/millrace.1", "man5/millrace.yaml.5"])
def test_manual_is_clean(installed, tmp_path, page):
    plain = tmp_path / pathlib.Path(page).name
    plain.write_bytes(gzip.decompress((installed / f"usr/share/man/{page}.gz").read_bytes()))
    assert run("mandoc", "-T", "lint", "-W", "warning", plain) == ""


def test_manual_has_every_setting(installed):
    page = gzip.decompress((installed / "usr/share/man/man5/millrace.yaml.5.gz").read_bytes()).decode()
    settings = re.findall(r"^\| `([a-z0-9.-]+)` \|", (ROOT / "docs/configuration.md").read_text(), re.M)
    assert len(settings) > 10
    for setting in settings:
        assert re.search(rf"^\.It {re.escape(setting)}$", page.replace("\\", "").replace("&", ""), re.M), setting


@need("systemd-analyze")
def test_unit_is_valid_and_confined(installed, tmp_path):
    unit = tmp_path / "millrace.service"
    text = (installed / "usr/lib/systemd/system/millrace.service").read_text()
    assert "ExecStart=/usr/bin/millrace serve" in text and "KillMode=process" in text
    unit.write_text(text.replace("/usr/bin/millrace", str(installed / "usr/bin/millrace")))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert done.returncode == 0 and "millrace.service" not in done.stderr, done.stderr
    # 0 is best, 10 worst; a fresh unit has 9.6.
    run("systemd-analyze", "security", "--offline=true", "--threshold=15", unit)


def test_containerfile_is_clean():
    run("hadolint", PACKAGING / "Containerfile", PATH=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    if shutil.which("dpkg-shlibdeps") is None:
        pytest.skip("dpkg-dev is not installed")
    return pathlib.Path(run(PACKAGING / "deb.sh", tmp_path_factory.mktemp("deb")).strip())


def test_package_depends_on_what_it_loads(package):
    depends = run("dpkg-deb", "-f", package, "Depends")
    for library in ("libcurl4", "libsqlite3-0", "libc6", "adduser"):
        assert re.search(rf"\b{library}\b", depends), depends
    scripts = run("dpkg-deb", "-I", package)
    assert all(name in scripts for name in ("conffiles", "md5sums", "postinst", "prerm", "postrm"))


def test_package_is_reproducible(package, tmp_path):
    made = [pathlib.Path(run(PACKAGING / "deb.sh", tmp_path / name, SOURCE_DATE_EPOCH=1_700_000_000).strip()) for name in "ab"]
    assert made[0].read_bytes() == made[1].read_bytes()


@need("lintian")
def test_package_is_clean(package):
    assert run("lintian", "--allow-root", "--fail-on", "error,warning", "--no-tag-display-limit", package) == ""


# What is installed goes into layers over these folders, which only this command and what it runs see.
APART = """set -e
mount --make-rprivate /
layers=/mnt
mount -t tmpfs layers "$layers"
for folder in etc usr var; do
    mkdir "$layers/$folder" "$layers/$folder.work"
    mount -t overlay "$folder" -o "lowerdir=/$folder,upperdir=$layers/$folder,workdir=$layers/$folder.work" "/$folder"
done
exec "$@"
"""


def apart(*command):
    """Runs it so that what it changes in /etc, /usr and /var is gone afterwards, however it ends."""
    return run("unshare", "--mount", "sh", "-c", APART, "sh", *command)


def can_install():
    if os.geteuid() != 0 or not pathlib.Path("/etc/debian_version").exists() or shutil.which("unshare") is None:
        return False
    try:
        apart("true")
    except AssertionError:
        return False
    return not any(pathlib.Path(p).exists() for p in ("/run/systemd/system", "/etc/millrace", "/var/lib/millrace", "/usr/bin/millrace"))


def test_package_lifecycle(package):
    if not can_install():
        pytest.skip("installs the package: for root on a Debian without services and without Millrace, with overlay mounts")
    apart(sys.executable, __file__, package)
    assert not pathlib.Path("/usr/bin/millrace").exists()


def live(package):
    """Installed, served from, installed again, removed, purged."""
    data, config = pathlib.Path("/var/lib/millrace"), pathlib.Path("/etc/millrace/millrace.yaml")
    apt = ["apt-get", "-y", "-q", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"]

    def call(*words):
        return run(*apt, *words, DEBIAN_FRONTEND="noninteractive")

    call("install", package)
    assert run("/usr/bin/millrace", "--version").strip() == run("dpkg-deb", "-f", package, "Version").strip()
    assert (data.owner(), data.stat().st_mode & 0o777) == ("millrace", 0o700)
    as_user = ["setpriv", "--reuid=millrace", "--regid=millrace", "--clear-groups", "/usr/bin/millrace"]
    server = Server(data, program=as_user)
    try:
        assert server.endpoint.startswith("http://127.0.0.1:")
        run_a_job(server)
        server.client("s3").create_bucket(Bucket="kept")
    finally:
        server.stop()
    config.write_text(config.read_text() + "# changed here\n")
    call("install", "--reinstall", package)
    assert "# changed here" in config.read_text()
    server = Server(data, program=as_user)
    try:
        assert [b["Name"] for b in server.client("s3").list_buckets()["Buckets"]] == ["kept"]
    finally:
        server.stop()
    call("remove", "millrace")
    assert not pathlib.Path("/usr/bin/millrace").exists()
    assert (data / "state.sqlite").exists() and config.exists()
    call("purge", "millrace")
    assert not data.exists() and not config.parent.exists()
    assert "millrace:" not in pathlib.Path("/etc/passwd").read_text()


if __name__ == "__main__":
    live(pathlib.Path(sys.argv[1]))
