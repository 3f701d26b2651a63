"""A program's go.mod follows upstream's versions and no folder of upstream's tree."""

from local_stack.toolchain.golang import derive_go_mod

UPSTREAM = """\
module k8s.io/kubernetes

go 1.26.0

toolchain go1.26.10

require (
	github.com/spf13/cobra v1.10.2
	k8s.io/api v0.0.0
	k8s.io/utils v0.0.0-20260210185600-b8788abfbbc2
)

require k8s.io/client-go v0.0.0 // indirect

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/client-go => ./staging/src/k8s.io/client-go
	example.org/fork => example.org/other v1.2.3
)
"""


def test_siblings_become_the_versions_released_with_upstream() -> None:
    text = derive_go_mod(UPSTREAM, "k8s.io/kubernetes", "v1.36.3", "v0.36.3")
    assert "\tk8s.io/api v0.36.3\n" in text
    assert "\tk8s.io/api => k8s.io/api v0.36.3\n" in text
    assert "\tk8s.io/client-go => k8s.io/client-go v0.36.3\n" in text
    assert "staging" not in text


def test_other_versions_and_replacements_stay_as_upstream_has_them() -> None:
    text = derive_go_mod(UPSTREAM, "k8s.io/kubernetes", "v1.36.3", "v0.36.3")
    assert "github.com/spf13/cobra v1.10.2" in text
    assert "k8s.io/utils v0.0.0-20260210185600-b8788abfbbc2" in text
    assert "example.org/fork => example.org/other v1.2.3" in text
    assert "go 1.26.0" in text


def test_it_is_a_module_of_its_own_that_requires_upstream() -> None:
    text = derive_go_mod(UPSTREAM, "k8s.io/kubernetes", "v1.36.3", "v0.36.3")
    assert text.startswith("module racktwin.invalid/program\n")
    assert "module k8s.io/kubernetes" not in text
    assert text.endswith("require k8s.io/kubernetes v1.36.3\n")
    # Upstream's preferred toolchain would make Go fetch another compiler than the installed one.
    assert "toolchain" not in text


def test_without_sibling_versions_relative_replacements_are_dropped() -> None:
    upstream = "module x/server\nrequire x/api v3.7.3\nreplace (\n\tx/api => ../api\n)\nreplace x/pkg => ../pkg\n"
    text = derive_go_mod(upstream, "x/server", "v3.7.3", None)
    assert "require x/api v3.7.3" in text
    assert ".." not in text
