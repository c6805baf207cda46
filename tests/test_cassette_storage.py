"""Nothing that was recorded is lost, and nothing that was there: kill -9, full disks, other writers."""

import contextlib
import errno
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from replay.cassette import file, fold, mend
from replay.cassette.cassette import Cassette
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.lock import locked
from replay.errors import BadInput, StorageError

ROOT = Path(__file__).parents[1]


def call(cassette, number, size=10):
    """What the transport does for one request that is not recorded."""
    request = RecordedRequest("POST", "http://x/", {}, json.dumps({"q": number}).encode())
    assert cassette.play(request) is None
    response = RecordedResponse(200, body=b"x" * size, source={"recorded_at": fold.now()})
    cassette.record(request, response)


def numbers(path):
    return [json.loads(one.request.body)["q"] for one in file.load(path)]


def record(path, *questions, mode="new_episodes"):
    with Cassette(path, mode) as cassette:
        for number in questions:
            call(cassette, number)
    return path


def python(code, *arguments):
    """Run code in a process of its own, with this file's helpers."""
    head = "import sys; from pathlib import Path; from test_cassette_storage import *\n"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, "-c", head + textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def hidden(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


WATCHED = ("open", "write", "fsync", "replace", "unlink")


class Shim:
    """Stands before the calls that change files, and does something at the n-th of them."""

    def __init__(self, at, act):
        self.at, self.act, self.count, self.seen = at, act, 0, []
        self.originals = {name: getattr(os, name) for name in WATCHED}

    def __enter__(self):
        for name in WATCHED:
            setattr(os, name, self._stand_in(name))
        return self

    def __exit__(self, *_):
        for name, original in self.originals.items():
            setattr(os, name, original)

    def _stand_in(self, name):
        def stand_in(*arguments, **options):
            self.count += 1
            self.seen.append(name)
            if self.count == self.at:
                self.act()
            return self.originals[name](*arguments, **options)

        return stand_in


def killed_at(point, path, progress):
    """In a child: record ninety more, killed at the n-th call; a byte of progress for each one finished."""
    child = os.fork()
    if child == 0:
        shim = Shim(point, lambda: os.kill(os.getpid(), signal.SIGKILL))
        with shim, Cassette(path, "new_episodes") as cassette:
            for number in range(100, 190):
                call(cassette, number)
                shim.originals["write"](progress, b".")
        os._exit(0)
    return os.waitpid(child, 0)[1]


def sweep(folder):
    """Kill a recording at every file call there is; returns their number. Fails where anything is lost."""
    point, status = 0, 1
    before = record(Path(folder) / "old.yaml", 1, 2).read_bytes()
    while status != 0:
        point += 1
        path = Path(folder) / f"{point}" / "c.yaml"
        path.parent.mkdir()
        path.write_bytes(before)
        reading, writing = os.pipe()
        status = killed_at(point, path, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as progress:
            finished = len(progress.read())
        left = numbers(path)
        assert left in ([1, 2], [1, 2, *range(100, 190)]), (point, left)
        assert left != [1, 2] or path.read_bytes() == before, point
        if point % 2:
            mend.recover(path)
        else:
            Cassette(path, "new_episodes").close()
        left = numbers(path)
        assert left[: 2 + finished] == [1, 2, *range(100, 100 + finished)], (point, finished, left)
        assert len(left) <= 2 + finished + 1, (point, finished, left)
        assert [name for name in hidden(path.parent) if not name.endswith(".lock")] == [], point
    return point


def test_killed_at_any_file_call_the_cassette_is_old_or_new_and_nothing_finished_is_lost():
    memory = (
        "/dev/shm" if Path("/dev/shm").is_dir() else None
    )  # hundreds of fsyncs, which a kill does not need
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        child = python("print(sweep(sys.argv[1]))", folder)
        out, _ = child.communicate(timeout=120)
    assert child.returncode == 0
    assert int(out) > 100


def test_killed_while_recording_the_first_time_loses_nothing_either(tmp_path):
    path = tmp_path / "c.yaml"
    child = python(
        """
        cassette = Cassette(sys.argv[1], "once")
        for number in range(50):
            call(cassette, number)
        print("done", flush=True)
        time.sleep(60)
        """,
        path,
    )
    assert child.stdout.readline() == "done\n"
    child.kill()
    child.wait()
    assert not path.exists()
    assert str(mend.recover(path)) == f"50 recorded calls are now in {path}"
    assert numbers(path) == list(range(50))
    assert hidden(tmp_path) == []


def test_an_unfinished_recording_is_named_by_a_miss_and_folded_by_the_next_recording(tmp_path):
    path = record(tmp_path / "c.yaml", 1)
    child = python("call(Cassette(sys.argv[1], 'new_episodes'), 2); os.kill(os.getpid(), 9)", path)
    child.wait()
    before = path.read_bytes()
    with (
        Cassette(path) as cassette,
        pytest.raises(Exception, match=r"an unfinished recording is in .*journal"),
    ):
        cassette.play(RecordedRequest("POST", "http://x/", {}, b'{"q": 2}'))
    assert path.read_bytes() == before
    with Cassette(path, "new_episodes") as cassette:
        assert cassette.play(RecordedRequest("POST", "http://x/", {}, b'{"q": 2}')).body == b"x" * 10
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_that_record_the_same_cassette_keep_everything(processes, tmp_path):
    path = record(tmp_path / "c.yaml", 0)
    code = """
        with Cassette(sys.argv[1], "new_episodes") as cassette:
            for number in range(20):
                call(cassette, int(sys.argv[2]) * 100 + number)
                time.sleep(0.005)
        """
    children = [python(code, path, number + 1) for number in range(processes)]
    assert [child.wait(60) for child in children] == [0] * processes
    expected = [0, *(100 * (child + 1) + number for child in range(processes) for number in range(20))]
    assert sorted(numbers(path)) == expected
    assert hidden(tmp_path) == []


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path):
    path = record(tmp_path / "c.yaml", 1)
    code = "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    child = python(code, path)
    assert child.stdout.readline() == "held\n"
    child.kill()
    child.wait()
    began = time.monotonic()
    record(path, 2)
    assert time.monotonic() - began < 30
    assert numbers(path) == [1, 2]


def test_a_fold_waits_for_a_living_lock_holder(tmp_path):
    path = record(tmp_path / "c.yaml", 1)
    code = "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(0.5)"
    child = python(code, path)
    assert child.stdout.readline() == "held\n"
    began = time.monotonic()
    record(path, 2)
    assert time.monotonic() - began >= 0.3
    assert child.wait(10) == 0


def test_a_journal_is_one_write_for_each_interaction(tmp_path):
    with Cassette(tmp_path / "c.yaml", "once") as cassette:
        call(cassette, 0)
        with Shim(0, None) as shim:
            call(cassette, 1, size=200_000)
        assert shim.seen == ["write"]


def test_data_reaches_the_disk_before_the_name_and_the_name_before_the_end(tmp_path):
    cassette = Cassette(tmp_path / "c.yaml", "once")
    call(cassette, 1)
    with Shim(0, None) as shim:
        cassette.close()
    order = [name for name in shim.seen if name in ("fsync", "replace", "unlink")]
    assert order[:3] == ["fsync", "replace", "fsync"]
    assert set(order[3:]) == {"unlink"}


def test_links_are_followed_and_modes_kept(tmp_path):
    real = record(tmp_path / "real" / "c.yaml", 1)
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    other = tmp_path / "other.yaml"
    os.link(real, other)
    record(link, 2)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert numbers(real) == numbers(link) == [1, 2]
    assert numbers(other) == [1]
    assert hidden(real.parent) == hidden(tmp_path) == []


def test_a_cassette_that_another_tool_changed_is_not_overwritten(tmp_path):
    path = record(tmp_path / "c.yaml", 1)
    cassette = Cassette(path, "new_episodes")
    call(cassette, 2)
    file.save(path, file.load(record(tmp_path / "theirs.yaml", 7)))
    with pytest.raises(StorageError) as caught:
        cassette.close()
    message = str(caught.value)
    assert (
        f"{path}: changed by another tool while it was recorded; nothing was replaced; 1 recorded call"
        in message
    )
    assert f"replay cassette recover {path}" in message
    assert numbers(path) == [7]
    with pytest.raises(StorageError, match="changed by another tool"):
        Cassette(path, "new_episodes")
    assert numbers(path) == [7]
    assert str(mend.recover(path)) == f"1 recorded calls are now in {path}"
    assert numbers(path) == [7, 2]


def test_a_cassette_that_was_deleted_meanwhile_is_not_brought_back_in_part(tmp_path):
    path = record(tmp_path / "c.yaml", 1)
    cassette = Cassette(path, "new_episodes")
    call(cassette, 2)
    path.unlink()
    with pytest.raises(StorageError, match="changed by another tool"):
        cassette.close()
    mend.recover(path)
    assert numbers(path) == [2]


def failing(code):
    def act():
        raise OSError(code, os.strerror(code))

    return act


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
def test_whatever_file_call_fails_the_old_bytes_stay_and_the_journal_is_named(code, tmp_path):
    for point in range(1, 30):
        path = record(tmp_path / f"{point}" / "c.yaml", 1)
        before = path.read_bytes()
        cassette = Cassette(path, "new_episodes")
        call(cassette, 2)
        problem = ""
        with Shim(point, failing(code)) as shim:
            try:
                cassette.close()
            except StorageError as raised:
                problem = str(raised)
        if problem:
            replaced = "replace" in shim.seen[: point - 1]
            assert f"({os.strerror(code)})" in problem
            assert f"replay cassette recover {path}" in problem
            assert ("nothing was replaced" in problem) is not replaced
            assert numbers(path) == ([1, 2] if replaced else [1])
            assert replaced or path.read_bytes() == before
            assert not [name for name in hidden(path.parent) if name.endswith(".tmp")]
            mend.recover(path)
        assert numbers(path) == [1, 2]
        if shim.count < point:
            return
    pytest.fail("no clean run came")


def test_a_journal_line_that_cannot_be_written_is_an_error_and_stops_the_spending(tmp_path):
    path = tmp_path / "c.yaml"
    cassette = Cassette(path, "once")
    call(cassette, 1)
    with Shim(1, failing(errno.ENOSPC)), pytest.raises(StorageError, match="No space left on device"):
        call(cassette, 2)
    with pytest.raises(StorageError, match="No space left on device"):
        cassette.play(RecordedRequest("POST", "http://x/", {}, b"3"))
    cassette.close()
    assert numbers(path) == [1, 2]


def limited(path, limit):
    """Record under a real limit on file size; prints what was refused."""
    path = record(Path(path), 1)
    cassette = Cassette(path, "new_episodes")
    call(cassette, 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with contextlib.suppress(StorageError):
        call(cassette, 3, size=5000)
    try:
        cassette.close()
    except StorageError as problem:
        print(problem)


def test_a_real_limit_on_file_size_leaves_the_old_file_and_the_journal(tmp_path):
    path = tmp_path / "c.yaml"
    child = python("limited(sys.argv[1], 700)", path)
    out, _ = child.communicate(timeout=30)
    assert "cannot write" in out
    assert "(File too large); nothing was replaced; 2 recorded calls kept in" in out
    assert numbers(path) == [1]
    mend.recover(path)
    assert numbers(path) == [1, 2]


def refused(folder):
    """Print what recording says where nothing can be written; as an ordinary user, whom modes apply to."""
    with tempfile.TemporaryDirectory() as other:  # loads all that is needed: that user may not be able to
        Cassette(record(Path(other) / "c.yaml", 1))
    if os.geteuid() == 0:
        os.seteuid(65534)
    for name in ("new.yaml", "old.yaml"):
        cassette = Cassette(Path(folder) / name, "new_episodes")
        try:
            call(cassette, 2)
        except StorageError as problem:
            print(problem)


def test_recording_where_nothing_can_be_kept_is_refused_before_anything_is_sent():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        path = record(Path(folder) / "old.yaml", 1)
        before = path.read_bytes()
        for folder_mode, file_mode in ((0o555, 0o644), (0o777, 0o444)):
            Path(folder).chmod(folder_mode)
            path.chmod(file_mode)
            out, _ = python("refused(sys.argv[1])", folder).communicate(timeout=30)
            Path(folder).chmod(0o755)
            lines = out.splitlines()
            assert (
                f"cannot record into {Path(folder).resolve()}/old.yaml (Permission denied); nothing was sent"
                in lines
            )
            assert len(lines) == (2 if folder_mode == 0o555 else 1)
        assert path.read_bytes() == before


def test_a_device_that_is_always_full_is_a_storage_error(tmp_path):
    (tmp_path / "c.yaml").symlink_to("/dev/full")
    with pytest.raises(BadInput, match="this is a device"):
        Cassette(tmp_path / "c.yaml", "all")


def test_an_answer_that_comes_after_the_close_is_not_lost_in_silence(tmp_path):
    cassette = Cassette(tmp_path / "c.yaml", "once")
    call(cassette, 1)
    request = RecordedRequest("POST", "http://x/", {}, b"2")
    assert cassette.play(request) is None
    cassette.close()
    with pytest.raises(StorageError, match="closed before its last answer had come in"):
        cassette.record(request, RecordedResponse(200))
    with pytest.raises(StorageError, match="is closed and records no more; nothing was sent"):
        cassette.play(request)
    assert numbers(tmp_path / "c.yaml") == [1]


def test_closing_twice_and_recording_nothing_leave_no_trace(tmp_path):
    cassette = Cassette(tmp_path / "c.yaml", "all")
    cassette.close()
    cassette.close()
    assert list(tmp_path.iterdir()) == []
    cassette = Cassette(tmp_path / "c.yaml", "all")
    call(cassette, 1)
    cassette.close()
    cassette.close()
    assert numbers(tmp_path / "c.yaml") == [1]
    with locked(tmp_path / "c.yaml") as lock:
        lock.remove()
    assert hidden(tmp_path) == []


def test_a_recording_that_begins_after_another_has_ended_keeps_both(tmp_path):
    """Loaded before, begun after: the other process has taken its lock file with it."""
    path = record(tmp_path / "c.yaml", 0)
    with Cassette(path, "new_episodes") as late:
        assert python("with Cassette(sys.argv[1], 'new_episodes') as c: call(c, 1)", path).wait(60) == 0
        call(late, 2)
    assert sorted(numbers(path)) == [0, 1, 2]
    assert hidden(tmp_path) == []
