# Everything that a checkout needs: `make run` on a machine to look at, `make test` to work on the project.

SWIFT ?= swift
# The whole program with nothing from the target system: it runs on any Linux distribution of its architecture.
# elfutils from 0.189 on (Debian 13) compresses with zstd, and its libelf.a and libz.a both define crc32.
# Debug information would make it more than twice as large; functions keep their names without it.
STATIC_FLAGS = -debug-info-format none --static-swift-stdlib -Xswiftc -static-executable -Xlinker -zmuldefs \
	$(if $(wildcard /usr/lib/*/libzstd.a),-Xlinker -l:libzstd.a)
# Tests that load the machine and measure it, or that wait for an answer in time: one at a time, after the others.
LIVE_TESTS = ^(LiveTests|EngineTests|BPFObjectsTests|ProcessesTests|UnwindCasesTests|OTLPHTTPExporterTests|OTLPGRPCExporterTests|OTLPReceiverTests|DebuginfodTests|HealthCheckExtensionTests)\.|FirstPictureTests|PageTests|PrivilegesLiveTests|ProfilingMetricsLiveTests|ElasticsearchLiveTests|PersistentQueueLiveTests|ReloadLiveTests

# Versions of language runtimes that the test bed beside the checkout has.
MATRIX_RUNTIMES = dotnet8 dotnet8-selfcontained mcs erlang25 erlang27 erlang29 go1.15 go1.19 go1.21 go1.24 go1.27 jdk8 jdk11 jdk17 jdk21 jdk25 jdk26 \
	node14 node16 node18 node20 node22 node24 node26 node18-debian node20-debian node24-debian \
	perl5.32 perl5.36 perl5.40 perl5.42 php7.4 php8.2 php8.4 php8.5 \
	python3.9 python3.11 python3.13 python3.14 python3.15 ruby2.7 ruby3.1 ruby3.3 ruby3.4
# Further Pythons, with a libpython, where pyenv has installed some: paths with colons between.
empty :=
MATRIX_PYTHONS = $(subst $(empty) ,:,$(wildcard $(HOME)/.pyenv/versions/3.*/bin/python3))
TESTBED ?= ../shared/tools

SOAK_SECONDS ?= 600

.PHONY: run build bpf build-tests soak test test-kernels test-matrix test-software fuzz setup setup-test clean

# Profiles this machine until Ctrl-C; the page's address is printed once it answers.
run: build
	@Scripts/run .build/release/otelcol Examples/local.yml

# Leaves .build/release/otelcol.
build: setup bpf
	$(SWIFT) build -c release $(STATIC_FLAGS) --product otelcol

# The kernel side, compiled for both architectures and embedded in the program.
bpf:
	@Scripts/build-bpf

build-tests: setup-test bpf
	$(SWIFT) build --build-tests $(TEST_BUILD_FLAGS)

test: build-tests
ifdef FILTER # make test FILTER=UnwindingTests
	$(SWIFT) test --skip-build --no-parallel --filter '$(FILTER)'
else
	@failed=0; set -x; \
	$(SWIFT) test --skip-build --skip '$(LIVE_TESTS)' || failed=1; \
	$(SWIFT) test --skip-build --no-parallel --filter '$(LIVE_TESTS)' || failed=1; \
	exit $$failed
endif

# Every version of every language runtime; needs the test bed, and a minute for each version.
test-matrix: build-tests
	@[ -x $(TESTBED)/runtimes ] || { echo "test-matrix: $(TESTBED)/runtimes is not there" >&2; exit 1; }
	$(TESTBED)/runtimes install $(MATRIX_RUNTIMES)
	for version in 8.2 8.4; do \
		$(TESTBED)/runtimes run php$$version env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
			install php$$version-fpm libapache2-mod-php$$version >/dev/null </dev/null || exit 1; \
	done
	OTELCOL_TEST_MATRIX=1 OTELCOL_TEST_RUNTIMES="$(MATRIX_RUNTIMES)" OTELCOL_TEST_PYTHON="$(MATRIX_PYTHONS)" OTELCOL_TEST_SCRIPTS=all \
		$(SWIFT) test --skip-build --no-parallel --filter 'LiveSuite.*(BEAM|DotNet|GoTests|HostileMemory|JVM|OwnProfile|Perl|PHP|Python|RealScript|Ruby|RuntimeShare|Surroundings|V8)|LineTableTests|DotNetRuntimeTests|JVMRuntimeTests|PerlProcessTests|RubyRuntimeTests|V8RuntimeTests'

# Boots every kernel of the test bed with the program; on x86_64 as users with few privileges too.
test-kernels: build
	Scripts/kernel-matrix-test .build/release/otelcol all

# Real software under load: completeness and names of its stacks, self time beside perf's. SOFTWARE="redis git"
SOFTWARE = all
test-software: build-tests
	Scripts/setup software
	OTELCOL_TEST_SOFTWARE="$(SOFTWARE)" $(SWIFT) test --skip-build --no-parallel --filter 'SoftwareTests'

# Every reader of foreign bytes, SECONDS each with libFuzzer: make fuzz SECONDS=3600 TARGETS="elf xz"
SECONDS = 60
fuzz: bpf
	Scripts/fuzz $(SECONDS) $(TARGETS)

# Ten minutes of profiles through the Collector, then as many as it takes: throughput, memory, loss.
soak: build
	@Scripts/test-python
	.build-python/bin/python3 Benchmarks/soak/soak.py .build/release/otelcol --seconds $(SOAK_SECONDS)

setup:
	@Scripts/setup build

setup-test:
	@Scripts/setup build test
	@Scripts/test-python

clean:
	rm -rf .build .build-* Sources/Profiler/CBPFObjects/objects Sources/Profiler/CBPFObjects/objects.generated.c
