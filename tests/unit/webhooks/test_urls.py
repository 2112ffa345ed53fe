"""What can be the URL of a webhook."""

from ipaddress import ip_address

import pytest

from control_plane_server.webhooks.urls import UrlIsMalformed, parse_url


@pytest.mark.parametrize(
    ("text", "stored", "host", "port"),
    [
        ("https://hooks.example.com", "https://hooks.example.com", "hooks.example.com", 443),
        ("HTTPS://Hooks.Example.COM./A?b=C%20d", "https://hooks.example.com/A?b=C%20d", "hooks.example.com", 443),
        ("http://ci:8080/x", "http://ci:8080/x", "ci", 8080),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
        ("https://1.2.3.4:444/", "https://1.2.3.4:444/", ip_address("1.2.3.4"), 444),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/", ip_address("2606:4700::1111"), 443),
    ],
)
def test_scheme_and_host_are_stored_in_one_way(text: str, stored: str, host: object, port: int) -> None:
    url = parse_url(text)
    assert (url.text, url.host, url.port) == (stored, host, port)
    assert url.is_encrypted == stored.startswith("https:")
    assert parse_url(url.text) == url


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "printable"),
        ("hooks.example.com", "https://host/path"),
        ("ftp://a.example/", "https://host/path"),
        ("file:///etc/passwd", "https://host/path"),
        ("https:///x", "https://host/path"),
        ("https://a.example:0/", "https://host/path"),
        ("https://a.example:99999/", "https://host/path"),
        ("https://[::1/", "https://host/path"),
        ("https://user:secret@a.example/", "user or password"),
        ("https://1.1.1.1@127.0.0.1/", "user or password"),
        ("https://a.example/#x", "fragment"),
        ("https://a.example/ b", "printable"),
        ("https://a.example/\r\nHost: b", "printable"),
        ("https://a.example\\@b.example/", "printable"),
        ("https://bücher.example/", "Punycode"),
        ("https://127.1/", "host name"),
        ("https://2130706433/", "host name"),
        ("https://0x7f.0.0.0x1/", "host name"),
        ("https://0177.0.0.1/", "host name"),
        ("https://a..b/", "host name"),
        ("https://-a.example/", "host name"),
        (f"https://{'a.' * 130}example/", "host name"),
        (f"https://a.example/{'x' * 2_048}", "2048"),
    ],
)
def test_what_is_no_such_url_is_told_what_to_do(text: str, advice: str) -> None:
    with pytest.raises(UrlIsMalformed, match=advice):
        parse_url(text)
