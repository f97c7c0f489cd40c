"""A path to write to: a file or a folder, and where nothing can be written a refusal that leaves nothing behind."""

from __future__ import annotations


def test_the_page_goes_into_a_folder_under_its_usual_name_or_into_the_file_that_is_named(cli, folder, vouchers):
    (folder / "pages").mkdir()
    before = set(folder.iterdir())
    into_folder = cli("story", "vouchers", "--to", "pages")
    assert (into_folder.exit_code, into_folder.out) == (0, "pages/vouchers.html\n")
    into_file = cli("story", "vouchers", "--to", "pages/new/mine.html")
    assert (into_file.exit_code, into_file.out) == (0, "pages/new/mine.html\n")
    assert (folder / "pages/new/mine.html").read_text() == (folder / "pages/vouchers.html").read_text()
    assert {path.name for path in (folder / "pages").rglob("*")} == {"vouchers.html", "new", "mine.html"}
    assert set(folder.iterdir()) == before


def test_a_path_below_a_file_is_refused(cli, folder, vouchers):
    (folder / "note").write_text("mine")
    for words in (("story", "vouchers", "--to", "note/page.html"), ("usecase", "new", "two", "--parent", "note")):
        told = cli(*words)
        assert (told.exit_code, told.out) == (2, "")
        assert "cannot be written" in told.err
        assert "Traceback" not in told.err
    assert (folder / "note").read_text() == "mine"
