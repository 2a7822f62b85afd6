"""Shuffle the entries of every tensor of a .net file: python tests/shuffle_net.py IN.net OUT.net SEED"""
import random
import sys


def shuffled(text, seed):
    rng, out, lines = random.Random(seed), [], text.split("\n")
    i = 0
    while i < len(lines):
        out.append(lines[i])
        i += 1
        if not out[-1].startswith("tensor "):
            continue
        start = i
        while i < len(lines) and lines[i].split(" ")[0] not in ("tensor", "node"):
            i += 1
        numbers = [x for line in lines[start:i] for x in line.split(" ")]
        rng.shuffle(numbers)
        width = len(lines[start].split(" "))
        out += [" ".join(numbers[k:k + width]) for k in range(0, len(numbers), width)]
    return "\n".join(out)


if __name__ == "__main__":
    with open(sys.argv[1]) as f:
        text = f.read()
    with open(sys.argv[2], "w", newline="\n") as f:
        f.write(shuffled(text, int(sys.argv[3])))
