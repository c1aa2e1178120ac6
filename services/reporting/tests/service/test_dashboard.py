"""The CEO dashboard: sums by currency, and what holds things up."""

from services.reporting.tests.place import Place

from execos.platform.v1.values_pb2 import Money

DASHBOARD = "/dashboard/ceo"


async def test_empty_organisation(place: Place) -> None:
    assert await place.get(DASHBOARD) == {
        "kpis": {
            "currency": "EUR",
            "openDealsValue": "0.00",
            "overdueWorkCount": 0,
            "invoicesDueTotal": "0.00",
            "invoicesOverdueTotal": "0.00",
        },
        "byCurrency": [],
        "bottlenecks": {"overdueWorkItems": [], "overdueInvoices": []},
        "trends": [],
        "asOf": "2026-03-10T12:00:00Z",
    }


async def test_sums_are_by_currency_and_never_across(place: Place) -> None:
    await place.deal(value=Money(minor=120_000, currency="EUR"))
    await place.deal(value=Money(minor=500, currency="JPY"))
    await place.deal(value=None)
    await place.deal(stage="WON", value=Money(minor=999_900, currency="EUR"))
    await place.invoice(amount=1_050, due_date=place.day(0))
    await place.invoice(amount=2_000, due_date=place.day(7))
    await place.invoice(amount=4_000, due_date=place.day(8))
    await place.invoice(amount=8_000, due_date=place.day(-1), balance=Money(minor=3_000, currency="EUR"))
    await place.invoice(amount=700, currency="USD", due_date=place.day(-1))
    await place.invoice(amount=100, status="DRAFT", due_date=place.day(-1))
    found = await place.get(DASHBOARD)
    assert found["kpis"] == {
        "currency": "EUR",
        "openDealsValue": "1200.00",
        "overdueWorkCount": 0,
        "invoicesDueTotal": "30.50",
        "invoicesOverdueTotal": "30.00",
    }
    assert [
        (each["currency"], each["openDealsValue"], each["invoicesOverdueTotal"])
        for each in found["byCurrency"]
    ] == [
        ("EUR", "1200.00", "30.00"),
        ("JPY", "500", "0"),
        ("USD", "0.00", "7.00"),
    ]


async def test_kpis_are_in_the_currency_of_the_organisation(place: Place) -> None:
    await place.organisation(2, currency="USD")
    await place.deal(value=Money(minor=100, currency="EUR"))
    assert (await place.get(DASHBOARD))["kpis"]["openDealsValue"] == "0.00"


async def test_bottlenecks_are_the_ten_that_are_overdue_for_longest(place: Place) -> None:
    olga = await place.member()
    for number in range(12):
        await place.item(title=str(number), due_date=place.day(number - 12), assigned_to_user_id=str(olga))
        await place.invoice(invoice_number=str(number), due_date=place.day(number - 12))
    answer = await place.api.get(f"/api/v1{DASHBOARD}")
    assert answer.headers["server-timing"] == "db;desc=5"
    found = answer.json()
    items, invoices = found["bottlenecks"]["overdueWorkItems"], found["bottlenecks"]["overdueInvoices"]
    assert found["kpis"]["overdueWorkCount"] == 12
    assert [item["title"] for item in items] == [str(number) for number in range(10)]
    assert (items[0]["daysOverdue"], items[0]["assignedToUser"]["name"]) == (12, "Olga Owner")
    assert [invoice["invoiceNumber"] for invoice in invoices] == [str(number) for number in range(10)]
    assert (invoices[0]["effectiveStatus"], invoices[0]["status"]) == ("OVERDUE", "SENT")
    assert (invoices[0]["amount"], invoices[0]["company"]["name"]) == ("100.00", "Kunde & Co")


async def test_trends_are_the_days_as_they_were(place: Place) -> None:
    await place.deal(value=Money(minor=120_000, currency="EUR"))
    await place.post("/jobs/compute-health-score")
    before = (await place.get(DASHBOARD))["kpis"]
    place.stand.clock.advance(days=1)
    late = await place.item(due_date=place.day(-1))
    await place.post("/jobs/compute-health-score")
    found = await place.get(DASHBOARD)
    assert found["trends"] == [
        {"dateKey": "2026-03-10", "score": 100, "kpis": before},
        {"dateKey": "2026-03-11", "score": 60, "kpis": found["kpis"]},
    ]
    await place.item(id=str(late), version=2, status="DONE", due_date=place.day(-1))
    await place.deal(value=Money(minor=500, currency="EUR"))
    later = await place.get(DASHBOARD)
    assert (later["kpis"]["overdueWorkCount"], later["trends"]) == (0, found["trends"])


async def test_trends_hold_thirty_days(place: Place) -> None:
    for _ in range(31):
        await place.post("/jobs/compute-health-score")
        place.stand.clock.advance(days=1)
    days = [day["dateKey"] for day in (await place.get(DASHBOARD))["trends"]]
    assert (len(days), days[0], days[-1]) == (29, "2026-03-12", "2026-04-09")


async def test_figures_of_the_day_may_change_without_its_score(place: Place) -> None:
    await place.post("/jobs/compute-health-score")
    await place.deal(value=Money(minor=120_000, currency="EUR"))
    await place.post("/jobs/compute-health-score")
    [today] = (await place.get(DASHBOARD))["trends"]
    assert (today["score"], today["kpis"]["openDealsValue"]) == (100, "1200.00")
    assert len(await place.stand.facts("reporting.health_score.computed.v1")) == 1
