"""Links from the photo to the other tabs, and the address of each tab."""

from typing import Any

import gradio as gr

from colorizer.demo.photo.session import Session
from colorizer.demo.photo.tab import PhotoTab

# In the browser, when the tab TAB opens: its address, so that it can be linked and Back leads to the tab before. Gradio also
# opens the first tab when the page begins, before the one in the address.
NOTE_TAB = """() => {
  const query = new URLSearchParams(location.search);
  if (!window.isAddressFollowed || (query.get("tab") || "photo") === "TAB") return;
  query.set("tab", "TAB");
  history.pushState({}, "", "?" + query);
}"""
# In the browser, at the start: open the tab of the address, now and after Back.
FOLLOW_ADDRESS = """() => {
  const find = (name) => document.getElementById(`tab-${name}-button`);
  const open = () => {
    const tab = find(new URLSearchParams(location.search).get("tab")) || find("photo");
    if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
    window.isAddressFollowed ||= !!tab;
    return tab;
  };
  window.addEventListener("popstate", open);
  const wait = (left) => { if (!open() && left) setTimeout(() => wait(left - 1), 100); };
  wait(50);
}"""


def connect_links(
    tabs: gr.Tabs, photo: PhotoTab, album: list[gr.blocks.Block], film: list[gr.blocks.Block], vote_photo: gr.File
) -> None:
    """Connect the links beside the viewer: approach and tone go along to `album` and `film`, the photo to the vote."""

    def take_along(session: Session, *tone: float) -> list[Any]:
        chosen = session.painted.get(session.chosen)
        model = gr.skip() if chosen is None else chosen.result.name
        return [gr.Tabs(selected="album"), model, *tone, model, *tone]

    def take_photo(session: Session) -> list[Any]:
        source = gr.skip() if session.results is None else session.results.source
        return [gr.Tabs(selected="vote"), source]

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    photo.links["album"].click(take_along, [photo.session, *photo.controls.adjustments], [tabs, *album, *film], **quiet)
    photo.links["vote"].click(take_photo, photo.session, [tabs, vote_photo], **quiet)
    photo.links["approaches"].click(lambda: gr.Tabs(selected="approaches"), None, tabs, **quiet)
