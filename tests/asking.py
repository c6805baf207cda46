"""A project with one suite, for tests that ask a scripted or a seeded provider live."""

from replay import suites
from replay.config import Project
from replay.runner import plan

CONFIG = 'provider = "openai_compatible"\nbase_url = "{url}"\n'


def project(folder, url, names=("c1",), models=("m",), more="", own=None, **settings):
    """Write a project whose conversations ask targets named like their models; every answer must say Yes.

    `settings` are all targets', `own` those of some by name, as TOML; `more` is added to the suite.
    """
    lines = CONFIG.format(url=url) + "".join(f"{key} = {value}\n" for key, value in settings.items())
    tables = [f'[targets.{name}]\nmodel = "{name}"\n{lines}{(own or {}).get(name, "")}\n' for name in models]
    write(folder / "replay.toml", "\n".join(tables))
    for name in names:
        text = f"messages:\n  - {{role: user, content: Is {name} there?}}\n"
        write(folder / f"fixtures/conversations/{name}.yaml", text)
    suite = f"targets: [{', '.join(models)}]\nconversations: ['*']\nassert:\n  - contains: 'Yes'\n{more}"
    write(folder / "suites/s.yaml", suite)
    return Project.find(folder)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def cases(project, targets=None):
    """The cases of its suite: conversation by conversation, each against every target."""
    return plan(suites.load(project.suites / "s.yaml", project), project, targets)
