"""The tabs Vote and Approaches of the running app in a real browser, as a visitor uses them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from colorizer.approaches import get_model_class, list_approaches
from colorizer.checkpoints import list_checkpoints
from colorizer.demo.catalog import Catalog
from colorizer.demo.vote.store import VoteStore
from tests.demo.pages import leave_screenshot, open_tab, pale_texts, visit, wait_until

# Each button with the place of the result that it prefers.
VOTES = {"A is better": 0, "B is better": 1}


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    yield from visit(page, app_url)


def show_pair(page: Page) -> None:
    """Wait for the pair that is shown at once, or ask for the next one."""
    if page.get_by_alt_text("The result of ").count():
        page.get_by_role("button", name="New pair").click()
    expect(page.get_by_role("button", name="A is better")).to_be_visible()
    for letter in "AB":
        picture = page.get_by_alt_text(f"Result {letter};")
        expect(picture).to_have_js_property("complete", True)
    page.wait_for_timeout(1100)  # a vote without a look is refused


def pictures(page: Page) -> list[Locator]:
    return page.locator("#pair img").all()


def cast(page: Page, button: str) -> list[str]:
    """Vote by the button; the approaches that are revealed, A's first."""
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("#vote-status")).to_contain_text("better than" if button in VOTES else "Tie")
    expect(page.get_by_alt_text("The result of ")).to_have_count(2)
    return [picture.get_attribute("alt").removeprefix("The result of ") for picture in pictures(page)]


def ranking(page: Page) -> dict[str, int]:
    """Each approach with its votes, the strongest first."""
    rows = page.locator("#ranking tbody tr")
    return {row.locator("th").inner_text(): int(row.locator("td").last.inner_text()) for row in rows.all()}


def test_votes_move_the_ranking(page: Page, app_votes: Path) -> None:
    catalog = Catalog()
    open_tab(page, "Vote")
    # Other tests may have voted.
    earlier = len(VoteStore(app_votes).votes_since()[0])
    if not earlier:
        expect(page.locator("#ranking")).to_contain_text("No votes yet")
        expect(page.locator("#ranking table")).to_have_count(0)
    for number, (button, place) in enumerate(VOTES.items()):
        show_pair(page)
        shown = " ".join(
            [page.locator("#pair").inner_text(), *(picture.get_attribute("src") for picture in pictures(page))]
        )
        assert not [entry for entry in catalog.entries if entry.name in shown or entry.plain_name in shown]
        labels = cast(page, button)
        wait_until(page, lambda count=number: sum(ranking(page).values()) == 2 * (earlier + count + 1))
        winner, loser = labels[place], labels[1 - place]
        kept = VoteStore(app_votes).votes_since()[0][-1]
        assert kept.better == button[0].lower()
        for label, name in zip(labels, (kept.model_a, kept.model_b), strict=True):
            assert name in label or catalog.entry(name).plain_name == label
        expect(page.locator("#vote-status strong")).to_have_text([winner, loser])
        if number == 0 and not earlier:
            after = list(ranking(page))
            assert (after[0], after[-1]) == (winner, loser)
        expect(page.get_by_role("button", name=button)).to_be_hidden()


def test_own_photo_by_keyboard_alone(page: Page, color_photo: str, broken_photo: str) -> None:
    open_tab(page, "Vote")
    page.get_by_role("button", name="Use your own photo").press("Enter")
    photos = page.get_by_role("tabpanel").filter(has_text="Bradley").locator("input[type=file]")
    photos.set_input_files(broken_photo)
    expect(page.locator("#vote-status")).to_contain_text("broken.jpg is not a photo")
    page.locator("#vote-photo").get_by_role("button", name="Clear").press("Enter")
    photos.set_input_files(color_photo)
    expect(page.locator("#vote-status")).to_have_text("Your photo.")
    page.wait_for_timeout(1100)
    page.get_by_role("button", name="A is better").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#vote-status")).to_contain_text("Tie")


def test_approaches_tell_of_each_in_plain_words_and_lead_to_the_photo(page: Page) -> None:
    open_tab(page, "Approaches")
    cards = page.locator(".timeline button")
    years = [int(text) for text in cards.locator("small").all_inner_texts()]
    assert years == sorted(years)
    for entry in Catalog().entries:
        card = cards.filter(has=page.get_by_text(entry.plain_name, exact=True))
        expect(card.first).to_contain_text(entry.plain_text)
        expect(card.first.locator("img")).to_have_js_property("complete", True)
    for approach in list_approaches(own=True):
        model_class = get_model_class(approach)
        page.get_by_role("button", name=f"{model_class.plain_name}: {model_class.title}").click()
        expect(page.get_by_role("link", name=model_class.cites or model_class.title, exact=True).last).to_be_visible()
    for name in list_checkpoints():
        curves = page.get_by_alt_text(f"Learning curves: {name}", exact=True)
        curves.scroll_into_view_if_needed()
        expect(curves).to_have_js_property("complete", True)
        assert curves.evaluate("image => image.naturalWidth") > 500
    page.get_by_role("button", name="All measurements").click()
    table = page.locator(".wide table").filter(has_text="mean by lightness")
    for name in ("gray", *list_checkpoints()):
        expect(table.get_by_role("cell", name=name, exact=True)).to_be_attached()
    page.get_by_role("button", name="Add a network").click()
    expect(page.get_by_text("⚠ nonsense")).to_be_visible()
    page.get_by_label("Model on the Hugging Face Hub").fill("/etc/passwd")
    page.get_by_role("button", name="Load").click()
    expect(page.get_by_text("⚠ '/etc/passwd'")).to_be_visible()
    page.locator(".timeline button[data-id=fusion]").click()
    expect(page.locator("#about")).to_contain_text("Koala")
    expect(page.locator(".film button[data-id=fusion]")).to_have_attribute("aria-selected", "true")


def test_pictures_that_arrive_late_have_their_place_before(page: Page) -> None:
    held: list[Route] = []
    page.route("**/approaches/**", lambda route: held.append(route))
    open_tab(page, "Approaches")
    page.get_by_role("button", name="Koala: ").click()
    pictures = page.locator(".figure img")
    expect(pictures).to_have_count(2)
    heights = pictures.evaluate_all("images => images.map((image) => image.clientHeight)")
    assert min(heights) > 100
    wait_until(page, lambda: len(held) == 2)
    for route in held:
        route.continue_()
    for picture, height in zip(pictures.all(), heights, strict=True):
        expect(picture).to_have_js_property("naturalWidth", int(picture.get_attribute("width")))
        expect(picture).to_have_js_property("clientHeight", height)


@pytest.mark.parametrize("width", [360, 1440])
def test_looks(browser: Browser, app_url: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    for _ in visit(page, app_url):
        page.goto(f"{app_url}?tab=vote")
        show_pair(page)
        choice = page.get_by_role("button", name="A is better").bounding_box()
        assert choice["y"] + choice["height"] <= 800  # without scrolling
        look(page, "vote", width)
        cast(page, "Tie")
        leave_screenshot(page, f"voted-{width}-light")
        open_tab(page, "Approaches")
        wait_until(page, lambda: page.url.endswith("?tab=approaches"))
        expect(page.locator(".timeline img").first).to_have_js_property("complete", True)
        look(page, "approaches", width)


def look(page: Page, name: str, width: int) -> None:
    """Leave a screenshot of each theme; nothing may stand out of the window's sides."""
    for theme in ("light", "dark"):
        page.evaluate("isDark => document.body.classList.toggle('dark', isDark)", theme == "dark")
        page.wait_for_timeout(400)  # buttons fade from one theme's color to the other's
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not pale_texts(page)
        leave_screenshot(page, f"{name}-{width}-{theme}")
    page.evaluate("document.body.classList.remove('dark')")
