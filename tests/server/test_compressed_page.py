import re

import httpx


def ask(address: str, encodings: str) -> httpx.Response:
    response = httpx.get(address, headers={"Accept-Encoding": encodings})
    assert response.status_code == 200
    return response


def test_the_page_is_compressed_for_browsers_that_accept_it(app_url: str) -> None:
    packed, plain = ask(app_url, "gzip"), ask(app_url, "identity")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < len(plain.content) / 5
    assert packed.text.partition("window.gradio_config")[0] == plain.text.partition("window.gradio_config")[0]


def test_pictures_are_sent_as_they_are(app_url: str) -> None:
    picture = re.search(r"gradio_api/file=[^\s\"'\\]+\.webp", ask(app_url, "identity").text)[0]
    response = ask(app_url + picture, "gzip, br")
    assert response.headers["content-type"] == "image/webp"
    assert "content-encoding" not in response.headers
