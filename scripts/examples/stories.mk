# Continue every prompts/*.txt in a file of the same name in stories/, with make.
#
#   make -f stories.mk -j 4 [OPTIONS='--seed 7 --max-new-tokens 60']
#
# Makes what is missing or older than its prompt, -j files at a time, each on one thread. gen writes a file
# whole or not at all, so nothing needs to be cleaned up after a kill; with -k one that fails does not
# stop the others.

GEN     ?= gen
OPTIONS ?= --seed 1

PROMPTS := $(wildcard prompts/*.txt)
# To make, a blank divides two names.
$(if $(filter-out prompts/%.txt,$(PROMPTS)),$(error a name in prompts/ has a blank: see xargs.sh))

all: $(PROMPTS:prompts/%=stories/%)

stories/%.txt: prompts/%.txt | stories
	'$(GEN)' --threads 1 --quiet $(OPTIONS) --file '$<' --output '$@'

stories:
	mkdir -p $@

.PHONY: all
