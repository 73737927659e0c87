#!/usr/bin/env python3
"""Writes the demo's stimuli, study1.csv and study2.csv, beside this file.

They have the columns, sizes and design of the two studies that grace's built-in experiments are
for, in a wording of our own: no sentence of the original stimuli is used. The design follows

* Goodman & Stuhlmüller (2013), Topics in Cognitive Science 5(1), 173-184: 50 participants, each
  with 6 stories and the 6 cells (access, observe), which makes 36 distinct prompts;
* Yoon, Tessler, Goodman & Frank (2020), Open Mind 4, 71-87: 202 participants, each with 12
  domains; goal, state, names and the utterance once rated are drawn at random.

The same files come out on every machine: draws are SHA-256 of SEED and their names.
"""

import csv
import hashlib
from pathlib import Path

HERE = Path(__file__).parent

# Of the first 300 seeds, the one whose goals are shared out, and whose rows repeat, most nearly as
# in the published study (820, 812, 792 rows; 2,046 distinct prompts).
SEED = 193

STUDY_1_COLUMNS = [
    "participant_id", "story_shortname", "story_setup", "priorQ", "speach", "speachQ",
    "knowledgeQ", "access", "observe",
]
STUDY_2_COLUMNS = [
    "Participant_ID", "Domain", "Precontext", "Scenario", "Utterance", "Goal", "State", "SP_Name",
    "LS_Name",
]

# Short name (the objects), speaker, setup, and the property of one object and of several.
STORIES = [
    ("jars", "Ines",
     "Jars filled at the Pinewood farm shop almost always seal tight overnight.<br> Last night "
     "Ines, who owns the shop, filled 3 jars with plum jam.",
     "has sealed tight", "have sealed tight"),
    ("eggs", "Tomas",
     "Duck eggs in Tomas's old incubator almost always hatch by the end of week four.<br> Four "
     "weeks ago, Tomas put 3 duck eggs into it.",
     "has hatched", "have hatched"),
    ("lamps", "Agnieszka",
     "Lamps of the \"Little Moon\" series almost always have a scratch on the base.<br> This "
     "morning somebody left 3 \"Little Moon\" lamps at Agnieszka's repair stall.",
     "has a scratch on the base", "have a scratch on the base"),
    ("crates", "Kwame",
     "Crates from the Vellano groves almost always carry a misprinted label.<br> A lorry has just "
     "brought 3 Vellano crates to the market hall, where Kwame works.",
     "carries a misprinted label", "carry a misprinted label"),
    ("maps", "Sunniva",
     "Maps of the old harbour survey almost always show the ferry, which stopped long ago.<br> The "
     "archive has lent 3 survey maps to Sunniva, a historian.",
     "shows the ferry", "show the ferry"),
    ("bells", "Orrin",
     "Bells cast at Orrin's foundry almost always crack in the first frost.<br> The first frost "
     "came last night, and 3 bells were still out in Orrin's yard.",
     "has cracked", "have cracked"),
]

CELLS = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]

# Domain, what the listener has done, how the speaker comes to know it, what the listener asks.
DOMAINS = [
    ("lecture", "This morning {ls} gave a guest lecture.",
     "sat in the audience", "So, what did you think of my lecture?"),
    ("soup", "{ls} has spent the afternoon cooking a soup.",
     "had a bowl of it", "Well, how do you like my soup?"),
    ("story", "{ls} has written a short story, the first in years.",
     "read it on the train", "Tell me, what did you make of my story?"),
    ("bread", "{ls} has baked a loaf of bread for the first time.",
     "tried a slice", "So, how is my bread?"),
    ("jingle", "{ls} has made up a jingle for the radio.",
     "heard it on air", "Well, did you like my jingle?"),
    ("podcast", "{ls} has put the first episode of a podcast online.",
     "listened to all of it", "Tell me, how was my episode?"),
    ("trick", "{ls} has shown a magic trick at a birthday party.",
     "watched from the first row", "So, what did you say to my trick?"),
    ("vase", "{ls} has thrown a vase at the potter's wheel.",
     "turned it round in both hands", "Well, what do you say to my vase?"),
    ("mural", "{ls} has painted a mural on the wall of the youth club.",
     "walked past it slowly, twice", "Tell me, how do you find my mural?"),
    ("website", "{ls} has built a website for the football club.",
     "clicked through every page", "So, how do you like my website?"),
    ("essay", "{ls} has handed in an essay on bees, of all things.",
     "was given a copy", "Well, what's your view of my essay?"),
    ("costume", "{ls} has sewn a costume for the carnival.",
     "saw it at the rehearsal", "Tell me, how is my costume?"),
]

GOALS = [
    "If {sp} cared only about being accurate and informative",
    "If {sp} wanted above all that {ls} should feel good, rather than know where things stand",
    "If {sp} wanted BOTH that {ls} should feel good AND to be accurate and informative",
]

STATES = ["0 hearts", "1 heart", "2 hearts", "3 hearts"]

UTTERANCES = [
    "It was amazing", "It was good", "It was okay", "It wasn't bad", "It wasn't good",
    "It wasn't terrible",
]

# Each is paired with its neighbour: one asks, the other answers.
NAMES = """
Amara Bela Chiara Dmitri Elif Farid Gwen Hugo Imani Jonas Keiko Leon Mei Noor Odile Pablo Quinn
Rosa Samir Tove Uma Viktor Willa Xavi Yara Zoltan Anouk Bruno Cleo Dev Esme Felix Greta Hana Ivo
Jun Kofi Lena Marek Nadia Oskar Priya Rafael Signe Tariq Ulla Vera Wim Ximena Yusuf
""".split()


def digest(*name):
    return hashlib.sha256("/".join(map(str, name)).encode()).digest()


def draw(count, *name):
    """A whole number from 0 to count - 1, fixed by its name."""
    return int.from_bytes(digest(SEED, *name)[:8], "big") % count


def shuffled(items, *name):
    """The items in an order fixed by its name."""
    order = sorted(range(len(items)), key=lambda index: digest(SEED, *name, index))
    return [items[index] for index in order]


def study_1():
    for participant in range(1, 51):
        cells = shuffled(CELLS, "cells", participant)
        for story, (access, observe) in zip(
                shuffled(STORIES, "stories", participant), cells, strict=True):
            objects, speaker, setup, one, several = story
            verb = one if observe == 1 else several
            yield [
                participant,
                objects,
                setup,
                f"How many of the 3 {objects} would you guess {several}?",
                f"{speaker} sends you a message: \"I've checked {access} of the 3 {objects}. "
                f"{observe} of the {objects} {verb}.\"",
                f"After this message, how many of the 3 {objects} would you guess {several}?",
                f"Would you say that {speaker} knows exactly how many of the 3 {objects} "
                f"{several}?",
                access,
                observe,
            ]


def study_2():
    for participant in range(1, 203):
        for domain, precontext, knows, question in DOMAINS:
            name = (participant, domain)
            asks = draw(len(NAMES), "names", *name)
            ls, sp = NAMES[asks], NAMES[asks ^ 1]
            goal = GOALS[draw(len(GOALS), "goal", *name)]
            yield [
                participant,
                domain,
                precontext.format(ls=ls),
                f"Later {ls} met {sp}, who {knows}, and asked: \"{question}\"",
                UTTERANCES[draw(len(UTTERANCES), "utterance", *name)],
                goal.format(ls=ls, sp=sp),
                STATES[draw(len(STATES), "state", *name)],
                sp,
                ls,
            ]


def write(file_name, columns, rows):
    with open(HERE / file_name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    write("study1.csv", STUDY_1_COLUMNS, study_1())
    write("study2.csv", STUDY_2_COLUMNS, study_2())
