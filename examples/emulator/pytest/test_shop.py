"""The shop against the emulator: what its customers see, and what it learns of their phones."""

import pytest
import requests
from shop import Shop


@pytest.fixture
def shop(fcm):
    return Shop()


def test_the_customer_sees_where_the_order_is(fcm, shop):
    phone = fcm.new_phone()
    assert shop.order_shipped(phone, "4711")
    (delivery,) = fcm.inbox(phone)
    assert delivery["shown"]["title"] == "Your order is on its way"
    assert delivery["data"] == {"order": "4711"}


def test_a_phone_that_is_offline_gets_it_when_it_is_back(fcm, shop):
    phone = fcm.new_phone()
    fcm.act(phone, "offline")
    assert shop.order_shipped(phone, "4711")
    (waiting,) = fcm.inbox(phone, wait_s=0)
    assert waiting["outcome"] == "pending"
    fcm.act(phone, "online")
    (delivery,) = fcm.inbox(phone)
    assert delivery["outcome"] == "delivered"


def test_a_registration_that_is_dead_may_be_deleted(fcm, shop):
    phone = fcm.new_phone("ios")
    fcm.act(phone, "expire")
    assert not shop.order_shipped(phone, "4711")


@pytest.mark.parametrize("fault", ["project_not_found", "iam", "html_404", "internal_500"])
def test_nobody_is_forgotten_when_the_project_is_at_fault(fcm, shop, fault):
    phone = fcm.new_phone()
    fcm.faults(fault=fault)
    with pytest.raises(requests.HTTPError):
        shop.order_shipped(phone, "4711")
    fcm.faults()
    assert shop.order_shipped(phone, "4711")
