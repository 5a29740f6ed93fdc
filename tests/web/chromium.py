"""A headless Chromium, as the tests drive it: Debian's, by selenium."""

from __future__ import annotations

import base64
import contextlib
import shutil
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.missing import go_without
from tests.real.console import wait_until

REMEDY = "apt-get install chromium chromium-driver"
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}


class Browser:
    """One headless Chromium."""

    def __init__(self) -> None:
        chromium = shutil.which("chromium") or shutil.which("google-chrome") or go_without(f"chromium ({REMEDY})")
        driver = shutil.which("chromedriver") or go_without(f"chromedriver ({REMEDY})")
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        self.driver.set_page_load_timeout(30)
        self.driver.set_script_timeout(30)

    def open(self, url: str) -> None:
        self.driver.get(url)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, selector: str) -> None:
        """Press what is there; the page may be put anew between finding it and pressing it."""
        for _ in range(3):
            with contextlib.suppress(StaleElementReferenceException):
                return self.find(selector).click()
        return self.find(selector).click()

    def text(self, selector: str = "body") -> str:
        """The visible text, empty while there is no such element."""
        try:
            return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))
        except JavascriptException:  # the page is just being left
            return ""

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def set(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def wait_for(self, text: str, selector: str = "body") -> None:
        wait_until(lambda: text in self.text(selector), 10, lambda: f"{text!r} in {self.text(selector)!r}")

    def prefer(self, scheme: str) -> None:
        self.set("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def complaints(self) -> list[str]:
        """What the browser's console complains of, CSP violations among it."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "DEBUG"]  # type: ignore[no-untyped-call]

    def take_picture(self, file: Path) -> None:
        """The whole page, for people to look at."""
        shot = self.set("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))
