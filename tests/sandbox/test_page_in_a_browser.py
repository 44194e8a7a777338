"""The page in a real browser: what only a browser can tell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from marketo_soap import Client, Fault, LeadKey, LeadRecord, ListOperationType, Sandbox
from marketo_soap.calls.retry import NO_RETRY
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.sandbox.settings import VENDOR_LIMITS, Settings
from tests.sandbox.conftest import Rest
from tests.sandbox.every import EVIL, fill
from tests.support import signed

webdriver = pytest.importorskip("selenium.webdriver", reason="the browser tests need selenium")
from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="the browser tests need chromium and its driver (chromedriver)"
)
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
ROOMS = [
    "",
    "page/leads/1000001",
    "page/calls",
    "page/calls/1",
    "page/calls/1?exact=1",
    "page/faults",
    "page/controls",
    "page/connect",
]
WIDTHS = [390, 1280, 1920]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    os.environ["SE_AVOID_STATS"] = "true"
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(executable_path=DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


class Visitor:
    """A person with a browser at one sandbox."""

    def __init__(self, driver: Any, sandbox: Sandbox, endpoint: str) -> None:
        self.driver, self.sandbox = driver, sandbox
        user = sandbox.credentials
        self.client = Client(endpoint, user.user_id, user.encryption_key, retry=NO_RETRY)
        self.home = endpoint.replace("/soap/mktows/2_2", "/_sandbox/")

    def open(self, path: str = "") -> None:
        self.driver.get(self.home + path)

    def all(self, css: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements(By.CSS_SELECTOR, css)
        return found

    def one(self, css: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def click_on(self, element: Any) -> None:
        """Click in the middle of an element, whatever is on top of it there."""
        ActionChains(self.driver).move_to_element(element).click().perform()

    def says(self, text: str) -> None:
        self.until(lambda: text in self.one("body").text)

    def until(self, holds: Callable[[], Any]) -> None:
        gone = [WebDriverException]  # the page was left in the middle of the question: Chrome has several for it
        WebDriverWait(self.driver, 10, poll_frequency=0.05, ignored_exceptions=gone).until(lambda _: holds())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def tab_to(self, css: str) -> None:
        wanted = self.one(css)
        for _ in range(40):
            if self.driver.switch_to.active_element == wanted:
                return
            self.press(Keys.TAB)
        pytest.fail(f"{css} cannot be reached by the keyboard")

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def settle(self) -> None:
        """Wait until the page has looked for news once more."""
        self.run("window.looked = 0; const f = fetch; window.fetch = (...all) => f(...all).finally(() => looked++)")
        self.until(lambda: self.run("return window.looked") >= 2)

    def emulate(self, *, width: int = 1280, scheme: str = "light") -> None:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.fixture
def visitor(browser: Any) -> Iterator[Visitor]:
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox())
        visitor = Visitor(browser, sandbox, stack.enter_context(sandbox.serve()))
        stack.callback(browser.get, "about:blank")  # its connection ends before the server does
        stack.enter_context(visitor.client)
        visitor.emulate()
        browser.get_log("browser")
        yield visitor
        assert browser.get_log("browser") == []  # what a policy kept out would be said there


def test_news_arrive_and_disturb_nobody(visitor: Visitor) -> None:
    visitor.client.sync_lead(LeadRecord(email="first@t.com"))
    visitor.open()
    visitor.tab_to("#q")
    visitor.press("half a sear")
    visitor.run("document.body.style.minHeight = '3000px'; window.scrollTo(0, 40)")
    visitor.client.sync_lead(LeadRecord(email="second@t.com"))
    visitor.says("second@t.com")
    visitor.press("ch")
    assert visitor.one("#q").get_attribute("value") == "half a search"
    assert visitor.run("return window.scrollY") == 40
    assert [row.get_attribute("id") for row in visitor.all("tbody tr")] == ["lead-1000002", "lead-1000001"]


def test_the_focus_stays_on_its_row(visitor: Visitor) -> None:
    visitor.open("page/calls")
    visitor.says("No calls yet")
    for n in range(3):
        visitor.client.sync_lead(LeadRecord(email=f"{n}@t.com"))
    visitor.says("#3")
    visitor.tab_to("#call-2 a")
    visitor.client.sync_lead(LeadRecord(email="3@t.com"))
    visitor.says("#4")
    assert visitor.driver.switch_to.active_element == visitor.one("#call-2 a")
    visitor.press(Keys.ENTER)
    visitor.says("Call #2")
    assert visitor.driver.switch_to.active_element == visitor.one("#call-2 a")
    visitor.client.sync_lead(LeadRecord(email="4@t.com"))
    visitor.says("Calls 5")
    assert visitor.one("nav [aria-current='page']").text == "Calls 5"


def test_updates_can_be_paused(visitor: Visitor) -> None:
    visitor.open()
    visitor.until(lambda: visitor.one("#live").text == "live")
    visitor.one("#pause").click()
    visitor.client.sync_lead(LeadRecord(email="first@t.com"))
    assert visitor.run("return new Promise(done => setTimeout(done, 1500))") is None
    assert visitor.all("tbody tr") == []
    visitor.one("#pause").click()
    visitor.says("first@t.com")


def test_a_lead_is_searched_with_the_keyboard_alone(visitor: Visitor) -> None:
    visitor.sandbox.seed([{"email": f"{name}@t.com"} for name in ("ada", "grace", "edsger")])
    visitor.open()
    visitor.press(Keys.TAB)
    assert visitor.driver.switch_to.active_element.text == "Skip to the content"
    visitor.press(Keys.ENTER)
    visitor.tab_to("#q")
    visitor.press("grace", Keys.ENTER)
    visitor.until(lambda: "q=grace" in visitor.driver.current_url)
    assert [row.get_attribute("id") for row in visitor.all("tbody tr")] == ["lead-1000002"]
    visitor.tab_to("tbody a")
    assert visitor.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    visitor.press(Keys.ENTER)
    visitor.says("Lead 1000002")


def test_a_fault_that_is_switched_on_strikes(visitor: Visitor) -> None:
    visitor.open("page/faults")
    visitor.one("button[value='20103']").click()
    visitor.says("Fault 20103 Lead not found")
    assert "done" not in visitor.driver.current_url
    with pytest.raises(Fault, match="20103"):
        visitor.client.sync_lead(LeadRecord(email="a@t.com"))
    visitor.says("Nothing is loaded")
    visitor.client.sync_lead(LeadRecord(email="a@t.com"))


def test_the_root_leads_to_the_page(visitor: Visitor) -> None:
    visitor.driver.get(visitor.home.removesuffix("_sandbox/"))
    assert visitor.driver.current_url == visitor.home
    visitor.says("No leads yet")


def test_the_page_is_read_without_scripts(visitor: Visitor) -> None:
    fill_calls(visitor, 3)
    visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visitor.open("page/calls")
        assert not visitor.one("#pause").is_displayed()
        visitor.click_on(visitor.one("#call-2 .of-verdict"))
        visitor.says("Call #2")
        visitor.one("#q").send_keys("1@t.com", Keys.ENTER)
        visitor.until(lambda: len(visitor.all("tbody tr")) == 1)
        visitor.says("Call #2")
        visitor.one("#detail form button").click()
        visitor.says("with a new signature")
        visitor.one("a[data-fetched]").click()
        visitor.says("curl http://127.0.0.1")
    finally:
        visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_reset_asks_and_resets(visitor: Visitor) -> None:
    visitor.client.sync_lead(LeadRecord(email="a@t.com"))
    visitor.open("page/controls")
    visitor.one("a.danger").click()
    visitor.says("1 lead and 1 call will be gone")
    assert len(visitor.sandbox.leads()) == 1
    visitor.one("button.danger").click()
    visitor.says("No leads yet")
    assert visitor.sandbox.leads() == []


def test_nothing_of_a_lead_runs(visitor: Visitor) -> None:
    visitor.client.sync_lead(LeadRecord(email=EVIL, attributes={"FirstName": EVIL, "Company": f'"{EVIL}'}))
    visitor.sandbox.fail(fault=20103, message=EVIL)
    with pytest.raises(Fault):
        visitor.client.sync_lead(LeadRecord(email="a@t.com"))
    for path in [
        "",
        "?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "page/leads/1000001",
        "page/calls",
        "page/calls/1",
        "page/calls/2",
    ]:
        visitor.open(path)
        visitor.until(lambda: visitor.one("#live").text == "live")  # an alert would raise here
        assert EVIL in visitor.one("main").text or path == "page/calls/1"
        assert visitor.all("main script, main img") == []


# -- the list beside the detail -----------------------------------------------------------------------


def fill_calls(visitor: Visitor, count: int) -> None:
    for n in range(count):
        visitor.client.sync_lead(LeadRecord(email=f"{n}@t.com", attributes={"City": "Rome"}))


def top_of(visitor: Visitor, css: str) -> float:
    return float(visitor.run("return document.querySelector(arguments[0]).getBoundingClientRect().top", css))


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_a_row_opens_beside_the_list_which_keeps_its_place(visitor: Visitor, width: int) -> None:
    fill_calls(visitor, 40)
    visitor.emulate(width=width)
    visitor.open("page/calls/40")
    visitor.run("window.same = true; document.getElementById('list').scrollTop = 900")
    top = visitor.run("return document.getElementById('list').scrollTop")
    assert top == 900
    visitor.run("return document.elementFromPoint(200, 500).closest('tr').querySelector('th a').focus()")
    number = visitor.driver.switch_to.active_element.text
    cell = visitor.run("return document.activeElement.closest('tr').querySelector('.of-verdict')")
    visitor.click_on(cell)  # anywhere in the row
    visitor.until(lambda: f"Call {number}" in visitor.one("#detail h2").text)
    assert visitor.driver.current_url.endswith(f"page/calls/{number[1:]}")
    assert visitor.run("return [window.same, document.getElementById('list').scrollTop]") == [True, 900]
    assert visitor.one("tr[aria-current] a").text == number
    rows, detail = (visitor.one(css).rect for css in ("#list", "#detail"))
    assert rows["x"] + rows["width"] <= detail["x"] + 1
    assert detail["width"] > rows["width"]
    visitor.driver.back()
    visitor.until(lambda: "Call #40" in visitor.one("#detail h2").text)
    assert visitor.run("return [window.same, document.getElementById('list').scrollTop]") == [True, 900]


def test_news_move_neither_the_list_nor_the_detail_nor_what_is_typed(visitor: Visitor) -> None:
    fill_calls(visitor, 40)
    visitor.open("page/calls/20")
    visitor.run("document.getElementById('list').scrollTop = 700; document.getElementById('detail').scrollTop = 150")
    visitor.one("#detail summary").click()
    visitor.run("const q = document.getElementById('q'); q.focus({preventScroll: true}); q.value = 'half'")
    visitor.press(" typed")
    row = visitor.run("return document.elementFromPoint(200, 500).closest('tr').id")
    visitor.run("document.getElementById('list').scrollTop = 700")
    before = top_of(visitor, f"#{row}")
    fill_calls(visitor, 3)
    visitor.says("Calls 43")
    visitor.until(lambda: visitor.all("#call-43"))
    assert abs(top_of(visitor, f"#{row}") - before) < 2
    assert visitor.one("#q").get_attribute("value") == "half typed"
    assert visitor.run("return document.getElementById('detail').scrollTop") == 150
    assert visitor.one("#detail details").get_attribute("open") is not None
    assert "Call #20" in visitor.one("#detail h2").text


def test_news_do_not_move_a_list_of_cards(visitor: Visitor) -> None:
    fill_calls(visitor, 40)
    visitor.emulate(width=390)
    visitor.open("page/calls")
    visitor.run("scrollTo(0, 1500)")
    row = visitor.run("return document.elementFromPoint(200, 400).closest('tr').id")
    before = top_of(visitor, f"#{row}")
    fill_calls(visitor, 3)
    visitor.until(lambda: visitor.all("#call-43"))
    assert abs(top_of(visitor, f"#{row}") - before) < 2


def test_cards_are_still_a_table_to_those_who_listen(visitor: Visitor) -> None:
    fill_calls(visitor, 2)
    visitor.emulate(width=390)
    visitor.open("page/calls")
    nodes = visitor.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert [roles.count(role) for role in ("table", "row", "rowheader")] == [1, 2, 2]
    assert roles.count("cell") >= 8
    names = [node.get("name", {}).get("value") for node in nodes if node["role"]["value"] == "link"]
    assert {"#1", "#2"} <= set(names)


def test_calls_are_filtered_with_the_keyboard_and_the_filter_is_in_the_address(visitor: Visitor) -> None:
    fill_calls(visitor, 3)
    visitor.sandbox.fail(fault=20103)
    with pytest.raises(Fault):
        visitor.client.sync_lead(LeadRecord(email="no@t.com"))
    visitor.open("page/calls/2")
    visitor.run("window.same = true")
    visitor.tab_to("#verdict")
    visitor.press("Failed")
    visitor.until(lambda: "verdict=failed" in visitor.driver.current_url)
    visitor.until(lambda: [row.get_attribute("id") for row in visitor.all("tbody tr")] == ["call-4"])
    assert "page/calls/2?" in visitor.driver.current_url  # what is open stays open
    assert visitor.driver.switch_to.active_element == visitor.one("#verdict")
    visitor.client.sync_lead(LeadRecord(email="5@t.com"))
    visitor.says("Calls 5")
    assert [row.get_attribute("id") for row in visitor.all("tbody tr")] == ["call-4"]
    visitor.tab_to("#list .buttons a")
    visitor.press(Keys.ENTER)
    visitor.until(lambda: len(visitor.all("tbody tr")) == 5)
    assert visitor.one("#verdict").get_attribute("value") == ""
    assert visitor.driver.current_url.endswith("page/calls/2")
    visitor.driver.back()
    visitor.until(lambda: visitor.one("#verdict").get_attribute("value") == "failed")
    assert visitor.run("return window.same")


def test_a_call_is_replayed_with_the_keyboard(visitor: Visitor) -> None:
    fill_calls(visitor, 2)
    visitor.open("page/calls/1")
    visitor.run("window.same = true")
    visitor.tab_to("#detail form button")
    visitor.press(Keys.ENTER)
    visitor.says("Call #3")
    visitor.says("with a new signature")
    assert visitor.one("tr[aria-current] a").text == "#3"
    assert visitor.driver.current_url.endswith("page/calls/3")
    assert visitor.run("return window.same")
    assert [entry.verdict for entry in visitor.sandbox.entries()] == ["CREATED", "CREATED", "UPDATED"]


def test_what_can_be_copied_is_copied(visitor: Visitor) -> None:
    fill_calls(visitor, 1)
    origin = visitor.home.removesuffix("/_sandbox/")
    granted = {"origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    visitor.driver.execute_cdp_cmd("Browser.grantPermissions", granted)
    for path, css, holds in (
        ("page/calls/1", "a[data-fetched]", f"curl {origin}/soap/mktows/2_2 -H"),
        ("page/connect", "[data-copies='environment']", f"export MARKETO_SOAP_ENDPOINT={origin}/soap/mktows/2_2\n"),
        ("page/connect", ".copied button", f"{origin}/soap/mktows/2_2"),
    ):
        visitor.open(path)
        visitor.tab_to(css)
        visitor.press(Keys.ENTER)
        visitor.says("Copied")
        assert visitor.run("return navigator.clipboard.readText()").startswith(holds)


def test_a_mark_is_found_from_its_note(visitor: Visitor) -> None:
    data = signed(SyncLead(LeadRecord(email="a@t.com")), visitor.sandbox.credentials, visitor.sandbox.now())
    visitor.sandbox.respond(data.replace(b"<Email>a@t.com</Email>", b"<Email>a@t.com</Email><id>7</id>"))
    visitor.open("page/calls/1")
    visitor.tab_to("#detail .show")
    visitor.press(Keys.ENTER)
    visitor.until(lambda: "#mark-1" in visitor.driver.current_url)
    assert visitor.one("mark:target").text == "<id>"
    visitor.settle()
    assert 0 < top_of(visitor, "mark") < 800


def test_on_a_phone_a_row_opens_in_the_place_of_the_list(visitor: Visitor) -> None:
    fill_calls(visitor, 30)
    visitor.sandbox.fail(fault=20103, message="the reason is on the screen")
    with pytest.raises(Fault):
        visitor.client.sync_lead(LeadRecord(email="no@t.com"))
    visitor.emulate(width=390)
    visitor.open("page/calls")
    reason = visitor.one("#call-31 .reason")
    assert reason.text.startswith("the reason is on the screen")
    assert 0 <= reason.rect["x"] < reason.rect["x"] + reason.rect["width"] <= 390
    visitor.run("scrollTo(0, 900)")
    row = visitor.run("return document.elementFromPoint(200, 400).closest('tr')")
    number = row.find_element(By.CSS_SELECTOR, "th a").text
    visitor.run("arguments[0].querySelector('th a').click()", row)
    visitor.says(f"Call {number}")
    visitor.until(lambda: not visitor.one("#list").is_displayed())
    assert visitor.run("return scrollY") == 0
    assert visitor.driver.switch_to.active_element == visitor.one("#detail")
    visitor.driver.back()
    visitor.until(lambda: visitor.one("#list").is_displayed())
    visitor.until(lambda: visitor.run("return scrollY") == 900)


# -- nothing is cut off -------------------------------------------------------------------------------

# What stands out of the window, but for what scrolls inside.
WIDER = """return [...document.querySelectorAll("body *")].filter(one =>
    one.getBoundingClientRect().right > innerWidth + 1 && !one.closest("pre")).map(one => one.outerHTML)"""


def test_a_phone_is_wide_enough(visitor: Visitor) -> None:
    long = "x" * 3000
    visitor.sandbox.configure(Settings(limits=VENDOR_LIMITS))
    visitor.client.sync_lead(LeadRecord(email=long, attributes={"FirstName": long}), marketo_cookie=long)
    for value in ("from " + "these words " * 9, "to those"):
        visitor.client.sync_lead(LeadRecord(id=1000001, attributes={"City": value}))
    visitor.sandbox.fail(fault=1, message=long, email=long)
    visitor.emulate(width=360)
    for path in [*ROOMS, f"?q={long}", f"page/calls?q={long}&email={long}&operation={long}", "page/reset"]:
        visitor.open(path)
        assert visitor.run("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360], path
        assert visitor.run(WIDER) == [], path


# What holds more than it shows: cells, cards, panes.
CUT_OFF = """return [...document.querySelectorAll("td, th, dd, .scroll, .list, .detail, pre")]
    .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML)"""


def data_pages(visitor: Visitor) -> list[str]:
    """The pages of all tables and one row of each, of a sandbox that has had a call of every operation."""
    fill(visitor.sandbox, visitor.client)
    visitor.sandbox.seed([{"kind": "tag", "type": "x" * 3000, "values": ["y" * 3000]}])
    with visitor.sandbox.store.reading() as leads:
        newest = {name: kept.newest_rows(1)[0].id for name, kept in leads.shown.items()}
    tables = [f"page/data/{name}" for name in newest]
    return ["page/data", *tables, *[f"page/data/{name}/{number}" for name, number in newest.items()]]


def test_no_table_is_cut_off(visitor: Visitor) -> None:
    for path in [*data_pages(visitor), "page/leads/1000001", *ROOMS]:
        visitor.open(path)
        for width in WIDTHS:
            visitor.emulate(width=width)
            seen = visitor.run("return [document.documentElement.scrollWidth, innerWidth]")
            assert seen[0] <= seen[1] == width, path
            assert visitor.run(WIDER) == [], (path, width)
            assert visitor.run(CUT_OFF) == [], (path, width)


def test_data_is_read_with_the_keyboard_and_keeps_itself_up_to_date(visitor: Visitor) -> None:
    fill(visitor.sandbox, visitor.client)
    visitor.open("page/data")
    for link, title in (("lists", "Lists"), ("lists/1", "Static list 1")):
        visitor.tab_to(f"a[href$='/page/data/{link}']")
        visitor.press(Keys.ENTER)
        visitor.says(title)
    visitor.tab_to("#lead-1000001 a")
    visitor.press(Keys.ENTER)
    visitor.says("Lead 1000001")
    assert EVIL in visitor.one("main").text
    visitor.client.list_operation(ListOperationType.REMOVEFROMLIST, "News", [LeadKey("IDNUM", "1000001")])
    visitor.says("Remove from List")
    assert visitor.all("main a[href$='/page/data/lists/1']") == []


# The contrast (WCAG 2) of every text on the page with the colour behind it, where less than 4.5.
FAINT = """
const channel = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(number => channel(number / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (one) => {
    const ground = getComputedStyle(one).backgroundColor;
    return ground !== "rgba(0, 0, 0, 0)" || !one.parentElement ? ground : behind(one.parentElement);
};
return [...document.querySelectorAll("body *")].flatMap(one => {
    const own = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    const [dark, bright] = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => a - b);
    const contrast = (bright + 0.05) / (dark + 0.05);
    return own && contrast < 4.5 ? [`${contrast}: ${one.outerHTML}`] : [];
});
"""


@pytest.mark.parametrize(("scheme", "bright"), [("light", True), ("dark", False)])
def test_text_can_be_read_by_day_and_by_night(visitor: Visitor, scheme: str, bright: bool) -> None:
    visitor.client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Rome"}))
    visitor.client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Oslo"}))
    visitor.sandbox.fail(fault=20103, email="b@t.com")
    with pytest.raises(Fault):
        visitor.client.sync_lead(LeadRecord(email="b@t.com"))
    visitor.sandbox.journal.begin(visitor.sandbox.now(), b"<a b='c'/>")
    data = signed(SyncLead(LeadRecord(email="a@t.com")), visitor.sandbox.credentials, visitor.sandbox.now())
    visitor.sandbox.respond(data.replace(b"<Email>a@t.com</Email>", b"<Email>a@t.com</Email><id>7</id>"))
    with httpx.Client(transport=visitor.sandbox.transport(), base_url="https://sandbox.invalid") as http:
        Rest(http, visitor.sandbox).sync({"email": "b@t.com", "nope": True})
    visitor.emulate(scheme=scheme)
    calls = [*(f"page/calls/{n}" for n in (4, 5, 7)), "page/calls?q=x"]
    for path in [*ROOMS, *calls, "page/reset?done=clock", "page/data", "page/data/activities/1001?lead=1000001"]:
        visitor.open(path)
        visitor.run("for (const each of document.querySelectorAll('details')) each.open = true")
        assert visitor.run(FAINT) == [], path
    ground = visitor.run("return getComputedStyle(document.body).backgroundColor")
    assert (int(ground.split("(")[1].split(",")[0]) > 128) is bright
