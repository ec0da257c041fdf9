# Tests. `make check` runs all; `make check-fast` those that need no guest and end within two minutes.
if WITH_TESTS
endif
