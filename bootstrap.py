"""Plantwide from nothing: make `.venv` beside this file, install what is named, hand over.

    python3 bootstrap.py demo [arguments…]   set up, then `plantwide demo [arguments…]`
    python3 bootstrap.py test                set up with the developers' tools, then every check and test
    python3 bootstrap.py nightly             set up with the developers' tools, then the longest tests
    python3 bootstrap.py install             set up with the developers' tools, nothing more

Needs Python 3.11 or later and nothing outside its standard library. A second run starts at once: it
installs again only when `pyproject.toml` or `constraints.txt` changed.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path


def refuse_old_python(version: "tuple[int, int, int]") -> None:
    """End with the remedy on a Python before 3.11; the file is readable from 3.6 on for this line's sake."""
    if version < (3, 11, 0):
        shown = ".".join(map(str, version))
        sys.exit(
            f"bootstrap: Plantwide needs Python 3.11 or later and this is {shown} ({sys.executable})."
            " Run the same command with a newer one, for example: python3.12 bootstrap.py demo"
        )


refuse_old_python(sys.version_info[:3])

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "plantwide-installed.json"
RUN_EXTRAS = ("mqtt", "opcua", "postgres")
DEV_EXTRAS = ("dev", "mcp", *RUN_EXTRAS)

# What pip says when it fails -> what a person can do about it; the first that fits is printed.
REMEDIES = (
    (
        ("No space left on device",),
        "The disk is full. Free about 1 GB (or move the checkout), then run the same command again.",
    ),
    (
        ("Permission denied",),
        f"{VENV} cannot be written by this user. Give the folder to this user, or delete it, and try again.",
    ),
    (
        (
            "NameResolutionError",
            "Temporary failure in name resolution",
            "Name or service not known",
            "Failed to establish a new connection",
            "NewConnectionError",
            "ConnectTimeoutError",
            "Network is unreachable",
            "ProxyError",
            "CERTIFICATE_VERIFY_FAILED",
        ),
        (
            "No package index could be reached. Check the network and HTTPS_PROXY; behind a company mirror"
            " set PIP_INDEX_URL (and PIP_CERT for its certificate). Then run the same command again."
        ),
    ),
    (
        ("ResolutionImpossible", "conflicting dependencies"),
        (
            f"The versions of constraints.txt do not fit pyproject.toml or Python {sys.version.split()[0]}."
            " Take a later commit, or another Python; a developer mends it with: poe lock"
        ),
    ),
    (
        ("No matching distribution found",),
        (
            f"A package is not offered for Python {sys.version_info[0]}.{sys.version_info[1]} on this machine"
            " by the index pip uses. Try another Python (3.11 to 3.13), or point PIP_INDEX_URL to a mirror."
        ),
    ),
)


class SetupError(Exception):
    """Setting up cannot go on; the message says what to do."""


def say(text: str) -> None:
    """Tell the person what happens now, at once even into a pipe."""
    print(f"bootstrap: {text}", flush=True)


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout and keep its output (both streams as one text)."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PIP_CONSTRAINT": "constraints.txt", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def works(command: list[str]) -> bool:
    """Whether a command exists and ends well."""
    try:
        return run(command).returncode == 0
    except OSError:
        return False


def fingerprint() -> str:
    """SHA-256 of what decides the environment: declared dependencies, their exact versions, the Python."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*parts, str(PYTHON).encode()])).hexdigest()


def installed_extras() -> set[str]:
    """Extras that a finished installation of exactly these files put into `.venv`; empty when stale."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    if stamp.get("fingerprint") != fingerprint() or not works([str(PYTHON), "-c", ""]):
        return set()
    return set(stamp.get("extras", ()))


def install_venv_package() -> None:
    """On Debian as root: fetch the missing half of Python's own venv."""
    say("this Python lacks venv and pip; installing Debian's python3-venv")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    fetch = ["apt-get", "install", "-y", "-qq", "python3-venv"]
    if run(fetch).returncode:
        run(["apt-get", "update", "-qq"])
        run(fetch)


def is_root() -> bool:
    """Whether this user may install system packages."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def can_seed() -> bool:
    """Whether this Python can put pip into a new environment (Debian ships that half separately)."""
    importlib.invalidate_caches()
    return importlib.util.find_spec("ensurepip") is not None


def has_pip() -> bool:
    """Whether this Python's own pip can serve a new environment from outside (`--python`: pip 22.3)."""
    return works([sys.executable, "-m", "pip", "--python", sys.executable, "--version"])


def create_venv() -> None:
    """Make an empty `.venv`; without Python's own pip when Debian split it off."""
    if VENV.exists():
        say(f"{VENV} does not run; making it anew")
        shutil.rmtree(VENV)
    say(f"creating .venv with Python {sys.version.split()[0]}")
    if not (can_seed() or has_pip()) and is_root() and shutil.which("apt-get"):
        install_venv_package()
    if not (can_seed() or has_pip()):
        raise SetupError(
            "This Python has neither venv nor pip, so no environment can be made."
            " On Debian or Ubuntu: sudo apt-get install python3-venv. Then run the same command again."
        )
    options = [] if can_seed() else ["--without-pip"]
    made = run([sys.executable, "-m", "venv", *options, str(VENV)])
    if made.returncode:
        raise SetupError(f"python -m venv failed:\n{made.stdout.strip()}\n{remedy(made.stdout)}")
    renew_pip()


def choose_pip() -> list[str]:
    """The pip of `.venv`, or the system's pip pointed at it."""
    own = [str(PYTHON), "-m", "pip"]
    if works([*own, "--version"]):
        return own
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def renew_pip() -> None:
    """Let `.venv` have a pip of today, which takes half the time; without one, what Python brought serves."""
    run([*choose_pip(), "install", "--quiet", "--no-input", "--retries", "1", "--upgrade", "pip>=25.1,<27"])


def remedy(output: str) -> str:
    """What to do about pip's output; a way to see more when nothing known fits."""
    for signs, advice in REMEDIES:
        if any(sign in output for sign in signs):
            return advice
    return (
        "Delete .venv and run the same command again; if it fails the same way, please report the text above."
    )


def install(extras: tuple[str, ...]) -> None:
    """Install this checkout (editable) with its extras at the versions of `constraints.txt`."""
    size = sum(
        1 for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line
    )
    say(f"installing Plantwide with {', '.join(extras)} ({size} packages at most; about half a minute)")
    # Modules are compiled when they are first read; most of those installed never are.
    options = ["--quiet", "--no-input", "--no-compile"]
    done = run([*choose_pip(), "install", *options, "--editable", f".[{','.join(extras)}]"])
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise SetupError(f"pip could not install:\n{last}\n\n{remedy(done.stdout)}")
    stamp = {"fingerprint": fingerprint(), "extras": sorted(extras)}
    STAMP.write_text(json.dumps(stamp), encoding="utf-8")


def prepare(extras: tuple[str, ...]) -> None:
    """Bring `.venv` to hold at least these extras; do nothing when it does."""
    held = installed_extras()
    if set(extras) <= held:
        return
    if not works([str(PYTHON), "-c", ""]):
        create_venv()
    install(tuple(sorted(held | set(extras))))


def share_out(processors: int) -> str:
    """Give what lets pytest use the machine: whole files for one worker more than processors."""
    return f"-n {min(processors, 8) + 1} --dist loadfile --no-loadscope-reorder"


def hand_over(program: str, *arguments: str) -> int:  # noqa: RET503 - execv does not return
    """Become a program of `.venv`, so that Ctrl-C and the exit status are its own."""
    path = SCRIPTS / program
    os.environ["VIRTUAL_ENV"] = str(VENV)
    os.environ["PATH"] = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", "")])
    os.environ.pop("PYTHONHOME", None)
    # Containers often set it; here each process would compile what the first has compiled for all.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if os.name == "nt":
        return subprocess.call([f"{path}.exe", *arguments])
    os.execv(path, [str(path), *arguments])


def main(arguments: list[str]) -> int:
    """Exit status: the program's own, 2 for a wrong call, 1 when setting up failed."""
    word, *rest = arguments or [""]
    if word not in {"demo", "test", "nightly", "install"} or (rest and word != "demo"):
        print(__doc__)
        return 0 if word in {"", "help", "-h", "--help"} else 2
    try:
        prepare(RUN_EXTRAS if word == "demo" else DEV_EXTRAS)
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("stopped; the next run goes on from here")
        return 130
    if word == "demo":
        return hand_over("plantwide", "demo", *rest)
    if word == "test":
        os.environ.setdefault("PYTEST_ADDOPTS", share_out(os.cpu_count() or 1))
        return hand_over("poe", "-C", str(ROOT), "check")
    if word == "nightly":
        return hand_over("poe", "-C", str(ROOT), "nightly")
    say(f"ready: {SCRIPTS / 'plantwide'} and {SCRIPTS / 'poe'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
