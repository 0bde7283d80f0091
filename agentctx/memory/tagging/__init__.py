"""Taggers: what names the topics of a text. By rules, which are always there, or by a language model.

base         Tagger, the protocol; Tagging; what every tag keeps to
rules        RuleTagger
llm          LlmTagger, over a chat endpoint
background   the tagging of what was added, behind the writes
retagging    what `Memory` has to do with taggers; and the tagging of a whole namespace
"""
