"""Sessions as requests see them, also those that a cookie keeps."""

from typing import Any

import pytest

from beaker.testing._laws._fixtures import Browsers, Laws


class Requests(Laws):
    """Sessions as requests see them."""

    def test_a_save_is_there_in_the_next_request(self, browser: Browsers, encoding: dict[str, Any]) -> None:
        visitor = browser(**encoding)
        visitor.put(name="Ada", number=7, nested={"list": [1, 2]}, nothing=None)
        assert visitor.read() == {"name": "Ada", "number": 7, "nested": {"list": [1, 2]}, "nothing": None}

    def test_a_change_that_was_not_saved_is_dropped(
        self, browser: Browsers, encoding: dict[str, Any]
    ) -> None:
        visitor = browser(**encoding)
        visitor.put(one=1, two=2)

        def work(session: Any) -> None:
            session["one"] = "changed"
            session["three"] = "new"
            del session["two"]

        visitor.visit(work)
        assert visitor.read() == {"one": 1, "two": 2}

    def test_with_auto_every_change_is_saved(self, browser: Browsers) -> None:
        visitor = browser(auto=True)
        visitor.visit(lambda session: session.update(one=1))
        visitor.visit(lambda session: session.update(two=2))
        assert visitor.read() == {"one": 1, "two": 2}

    def test_save_alone_saves_a_session_that_nothing_else_was_asked_of(self, browser: Browsers) -> None:
        visitor = browser()
        visit = visitor.visit(lambda session: session.save())
        assert len(visit.cookies) == 1
        assert visitor.visit(lambda session: session.is_new).result is False

    def test_revert_goes_back_to_what_was_loaded(self, browser: Browsers) -> None:
        visitor = browser()
        visitor.put(name="Ada")

        def work(session: Any) -> dict[str, Any]:
            session["name"] = "Grace"
            session["more"] = 1
            session.revert()
            session.save()
            return dict(session)

        content = visitor.visit(work).result
        assert content["name"] == "Ada"
        assert set(content) - {"_id"} == {"name", "_accessed_time", "_creation_time", "_domain", "_path"}
        assert visitor.read() == {"name": "Ada"}

    def test_a_new_session_reverts_to_nothing(self, browser: Browsers) -> None:
        def work(session: Any) -> dict[str, Any]:
            session["name"] = "Grace"
            session.revert()
            return dict(session)

        content = browser().visit(work).result
        assert (content["_domain"], content["_path"]) == (None, "/")
        assert [key for key in content if not key.startswith("_")] == []

    def test_an_addition_to_the_accessed_dict_is_stored_with_the_access(self, browser: Browsers) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        visitor.visit(lambda session: session.accessed_dict.update(more=1))
        assert visitor.read() == {"name": "Ada", "more": 1}

    @pytest.mark.parametrize("keeps_time", [True, False])
    def test_the_end_of_a_request_does_not_undo_an_explicit_save(
        self, browser: Browsers, encoding: dict[str, Any], keeps_time: bool
    ) -> None:
        visitor = browser(save_accessed_time=keeps_time, **encoding)
        visitor.put(count=0, nested=[1])

        def work(session: Any) -> None:
            session["count"] = session["count"] + 1
            session["nested"].append(2)
            session._session().save()
            session["unsaved"] = True

        visitor.visit(work)
        assert visitor.read() == {"count": 1, "nested": [1, 2]}

    def test_a_new_session_that_was_saved_at_once_sends_its_cookie(self, browser: Browsers) -> None:
        def work(session: Any) -> None:
            session["name"] = "Ada"
            session._session().save()

        visitor = browser()
        assert len(visitor.visit(work).cookies) == 1
        assert visitor.read() == {"name": "Ada"}

    def test_a_change_in_place_is_stored_in_every_encoding(
        self, browser: Browsers, encoding: dict[str, Any]
    ) -> None:
        visitor = browser(**encoding)
        visitor.put(user={"roles": ["reader"]}, name="Ada")
        visitor.visit(lambda session: session["user"]["roles"].append("writer"))
        assert visitor.read() == {"user": {"roles": ["reader", "writer"]}, "name": "Ada"}

    def test_objects_of_the_applications_own_may_be_changed_in_place(self, browser: Browsers) -> None:
        visitor = browser()
        visitor.put(tags={"one"})
        visitor.visit(lambda session: session["tags"].add("two"))
        assert visitor.read() == {"tags": {"one", "two"}}

    def test_a_change_in_place_does_not_carry_unsaved_assignments_along(self, browser: Browsers) -> None:
        visitor = browser()
        visitor.put(cart=["apple"], name="Ada")

        def work(session: Any) -> None:
            session["cart"].append("pear")
            session["name"] = "Grace"
            session["new"] = 1

        visitor.visit(work)
        assert visitor.read() == {"cart": ["apple", "pear"], "name": "Ada"}

    def test_a_value_that_was_replaced_and_then_changed_is_dropped(self, browser: Browsers) -> None:
        visitor = browser()
        visitor.put(cart=["apple"])

        def work(session: Any) -> None:
            session["cart"] = ["other"]
            session["cart"].append("pear")

        visitor.visit(work)
        assert visitor.read() == {"cart": ["apple"]}

    def test_nothing_in_place_is_stored_when_access_times_are_not(self, browser: Browsers) -> None:
        visitor = browser(save_accessed_time=False)
        visitor.put(cart=["apple"])
        visitor.visit(lambda session: session["cart"].append("pear"))
        assert visitor.read() == {"cart": ["apple"]}
