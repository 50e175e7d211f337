"""Where webhooks may lead, however the address is written and whatever a name server says."""

import pytest

from hub.events.gatekeeping import Forbidden, Gatekeeper, Unresolved


def knowing(*addresses: str, networks: tuple[str, ...] = ()) -> Gatekeeper:
    """Give a gatekeeper for whom every name has these addresses."""
    return Gatekeeper(Gatekeeper.of(networks).networks, lambda _host, _port: list(addresses))


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "ftp://receiver.example/",
        "receiver.example",
        "https://",
        "https://user:word@receiver.example/",
        "https://receiver.example/#part",
        "https://receiver.example/a b",
        "https://receiver.example\\@127.0.0.1/",
        "https://receiver.example:99999/",
        "https://[::1/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[fe80::1%25eth0]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
    ],
)
def test_an_address_that_leads_inside_or_nowhere_is_refused_before_anything_is_looked_up(url: str) -> None:
    with pytest.raises(Forbidden):
        Gatekeeper(resolve=lambda *_: pytest.fail("was looked up")).check(url)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "::ffff:192.168.0.1", "100.64.0.1"]
)
def test_a_name_that_leads_inside_is_refused_even_where_it_leads_outside_too(address: str) -> None:
    gatekeeper = knowing("93.184.215.14", address)
    gatekeeper.check("https://receiver.example/")
    with pytest.raises(Forbidden, match="webhook_networks"):
        gatekeeper.find("https://receiver.example/")


def test_a_public_name_is_connected_to_by_the_address_that_was_judged() -> None:
    found = knowing("93.184.215.14").find("https://receiver.example:8443/hook?x=1")
    assert (found.host, found.port, found.addresses) == ("receiver.example", 8443, ("93.184.215.14",))


def test_a_network_that_the_plant_named_is_open_also_by_http_and_its_neighbours_are_not() -> None:
    gatekeeper = knowing("10.20.3.4", networks=("10.20.0.0/16",))
    for url in ("http://mes.plant/", "https://mes.plant/", "http://10.20.3.4:8080/"):
        gatekeeper.check(url)
        assert gatekeeper.find(url).addresses == ("10.20.3.4",)
    for url in ("http://10.21.0.1/", "https://127.0.0.1/", "http://93.184.215.14/"):
        with pytest.raises(Forbidden):
            gatekeeper.check(url)
    with pytest.raises(Forbidden):  # http is for named networks only
        knowing("93.184.215.14", networks=("10.20.0.0/16",)).find("http://receiver.example/")


def test_a_name_that_nobody_knows_is_said_to_be_so() -> None:
    with pytest.raises(Unresolved):
        knowing().find("https://receiver.example/")


def test_a_setting_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.20\.0\.1/16"):
        Gatekeeper.of(["10.20.0.1/16"])
