"""Prompt runs judged by the validator's pipeline and by the reference functions in Python, in turns within one run.

The Python side does what the validators of the network do, function by function: reward models one completion after the
other, embeddings in one padded batch, normalisation, masks and penalties over the whole list, phrases counted over all
completions seen so far. Where those pad to a fixed length (550 tokens for one reward, 2,048 for another) it does not, and
the text a step is about is embedded once: both make it faster than the original. Both sides are on one core and remember
what they were shown, so every run is judged by the memory of the runs before, on both sides alike.

Texts are made up of words about a valley; a tenth of the answers use the same phrase, so that the phrase filter has
something to find, and some fail, break their task's rules or copy the text. No two are equal.
"""

import argparse, collections, json, math, os, random, re, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser()
parser.add_argument("--bench", required=True)
parser.add_argument("--cache", required=True)
parser.add_argument("--profile", choices=["every", "base"], default="every")
parser.add_argument("--passes", type=int, default=3, help="forward passes that are measured, after one that warms up")
parser.add_argument("--rounds", type=int, default=4, help="rounds of a question and an answer in a pass")
parser.add_argument("--answers", type=int, default=8, help="miners asked in each run")
parser.add_argument("--json")
args = parser.parse_args()

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import numpy as np
import torch
import transformers as tf
from rapidfuzz import fuzz

import made

tf.logging.set_verbosity_error()
tf.logging.disable_progress_bar()
torch.set_num_threads(1)
MODELS = made.Models(args.cache)
causal = dict(causal=True)
if args.profile == "every":
    FOLDERS = dict(
        dpo=MODELS.made("small-llama", made.small_llama, **causal),
        rlhf=MODELS.made("small-deberta", made.small_deberta),
        reciprocate=MODELS.made("small-qwen3", made.small_qwen3, **causal),
        dahoas=MODELS.made("small-gptj", made.small_gptj, extra=made.value_head, **causal),
        prompt_based=MODELS.made("small-marker", made.small_marker, **causal),
        nsfw=MODELS.made("small-roberta", made.small_roberta),
        distance=MODELS.made("small-bert", made.small_bert))
    WEIGHTS = dict(dpo=0.2, rlhf=0.2, reciprocate=0.2, dahoas=0.2, prompt_based=0.2)
else:
    FOLDERS = dict(
        dpo=MODELS.made("llama-135m-causal", made.llama, **causal),
        rlhf=MODELS.made("deberta-v3-base", made.deberta),
        nsfw=MODELS.made("roberta-base", made.roberta))
    WEIGHTS = dict(dpo=0.6, rlhf=0.4)
# A window of 50 completions instead of 1,000: the phrase filter finds nothing before the first has passed.
PHRASES = dict(n_min=5, n_max=10, word_limit=2000, a=1.25, boundary=20.0, ratio=90, support=0.01, window=50)
UNSAFE = 0.9


def settings():
    lines = ["[neuron]", 'device = "cpu"', "echo_off = true", "mock_gating_model = true", "[blacklist]", "error = 0.02", "[reward]"]
    for name in ("dpo", "rlhf", "reciprocate", "dahoas", "prompt_based"):
        lines.append(f"{name}_weight = {WEIGHTS.get(name, 0.0)}")
        if name == "reciprocate":
            lines.append('reciprocate_format = "chat"')
        if name in FOLDERS:
            lines.append(f'{name}_model = "{FOLDERS[name]}"')
    lines += [f'embedding_model = "default"', f'nsfw_model = "{FOLDERS["nsfw"]}"', 'nsfw_label = "1"', f"nsfw_threshold = {UNSAFE}"]
    if "distance" in FOLDERS:
        lines += [f'relevance_distance_model = "{FOLDERS["distance"]}"', "relevance_distance_bound = -1.0"]
    return "\n".join(lines) + "\n"


class Ours:
    def __init__(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".toml")
        self.file.write(settings())
        self.file.flush()
        env = dict(os.environ, RAYON_NUM_THREADS="1", AXONEME_CACHE=args.cache)
        self.process = subprocess.Popen([args.bench, self.file.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("our side ended")
        return json.loads(line)

    def judge(self, run):
        answer = self.ask(run)
        return answer["rewards"], answer["fields"], answer["seconds"], answer["cpu_seconds"]


# ---------------------------------------------------------------- the functions in Python
def classifier(folder):
    return tf.AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()


class Dpo:
    name = "dpo_reward_model"

    def __init__(self, folder):
        self.model = tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tok = made.tokenizer_of(folder)

    def reward(self, prompt, completion):
        if len(completion) <= 5:
            return -11.0
        ids = self.tok.encode(prompt + completion).ids
        start = len(self.tok.encode(prompt).ids)
        logits = self.model(input_ids=torch.tensor([ids])).logits[0][:-1]
        said = ids[start:]
        tail = said[-4:]
        punished = {said[i + 4] for i in range(len(said) - 4) if said[i:i + 4] == tail}
        if punished:
            logits[:, sorted(punished)] = logits.mean() - 10 * logits.std()
        picked = logits.log_softmax(-1)[range(start - 1, len(ids) - 1), said]
        return picked.mean().item()

    def score(self, task, completions):
        return [self.reward(task["base_text"], completion) for completion in completions]


class Rlhf:
    name = "rlhf_reward_model"

    def __init__(self, folder):
        self.model, self.tok = classifier(folder), made.tokenizer_of(folder)

    def score(self, task, completions):
        ids = [self.tok.encode(task["base_text"], completion).ids for completion in completions]
        return [self.model(input_ids=torch.tensor([row])).logits[0, 0].item() for row in ids]


class Reciprocate(Rlhf):
    name = "reciprocate_reward_model"

    def score(self, task, completions):
        out = []
        for completion in completions:
            text = f"<|im_start|>user\n{task['base_text']}<|im_end|>\n<|im_start|>assistant\n{completion}<|im_end|>\n"
            out.append(self.model(input_ids=torch.tensor([self.tok.encode(text).ids])).logits[0, 0].item())
        return out


class Dahoas:
    name = "dahoas_reward_model"

    def __init__(self, folder):
        from safetensors.torch import load_file
        tensors = load_file(os.path.join(folder, "model.safetensors"))
        self.model = tf.GPTJModel(tf.GPTJConfig.from_pretrained(folder)).eval()
        inner = {key.removeprefix("transformer."): value for key, value in tensors.items() if key.startswith("transformer.")}
        self.model.load_state_dict(inner, strict=False)
        self.head, self.tok = tensors["v_head.weight"], made.tokenizer_of(folder)

    def value(self, text):
        ids = self.tok.encode(f"<|startoftext|>{text}{made.END}").ids
        states = self.model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        return (states @ self.head.T)[ids.index(made.END_ID) - 1, 0].item()

    def score(self, task, completions):
        return [self.value(task["base_text"] + completion) - self.value(completion) for completion in completions]


KINDS = dict(augment="summary", followup="question", answer="answer")
TAG = re.compile(r"<\s*/?\s*(?:Question|Detected|Summary|Context|Answer|Score)\s*>", re.IGNORECASE)


class PromptBased:
    name = "prompt_reward_model"

    def __init__(self, folder, ours):
        self.model = tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tok = made.tokenizer_of(folder)
        templates = ours.ask(dict(scoring_prompts=[[kind, "@GIVEN@", "@WRITTEN@"] for kind in KINDS.values()]))
        self.templates = dict(zip(KINDS.values(), templates))

    def score(self, task, completions):
        out = []
        for completion in completions:
            text = self.templates[task["kind"]].replace("@GIVEN@", TAG.sub("", task["base_text"]))
            ids = self.tok.encode(text.replace("@WRITTEN@", TAG.sub("", completion))).ids
            said = self.model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                                       max_new_tokens=4, do_sample=False, pad_token_id=made.END_ID)[0, len(ids):]
            found = re.search(r"\b([0-9]|10)\b", self.tok.decode(said.tolist()))
            out.append(int(found[0]) / 10 if found else 0.0)
        return out


class Norm:
    def __init__(self):
        self.count, self.mean, self.var = 0, 0.0, 0.0

    def __call__(self, raw):
        x = torch.tensor(raw, dtype=torch.float64)
        if len(x):
            mean, var = x.mean(), x.var() if len(x) > 1 else torch.tensor(0.0)
            new, old = len(x) / (self.count + len(x)), self.count / (self.count + len(x))
            shift = mean - self.mean
            self.mean = new * mean + old * self.mean
            self.var = new * var + old * self.var + new * old * shift * shift
            self.count = min(3000, self.count + len(x))
            x = x - self.mean
            if self.var > 0:
                x = x / torch.sqrt(self.var)
        return (0.5 * (1 + torch.erf(x / math.sqrt(2)))).tolist()


class Embedding:
    """Mean of a text's token states, at length 1."""

    def __init__(self, folder):
        self.model = tf.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.tok = made.tokenizer_of(folder)

    def __call__(self, texts):
        ids = [self.tok.encode(text).ids for text in texts]
        longest = max(map(len, ids))
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
        states = self.model(input_ids=padded, attention_mask=mask).last_hidden_state
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return torch.nn.functional.normalize(mean, dim=1)


class Blacklist:
    name = "blacklist_filter"

    def __init__(self):
        self.tok = made.tokenizer_of(MODELS.minilm)
        self.table, self.completions, self.window, self.updated, self.significant = {}, 0, 1, 0, {}

    def add(self, texts):
        for text in texts:
            text = re.sub(r"[^(\w|\s)]", "", text.lower())
            ids = self.tok.encode(text, add_special_tokens=False).ids[:PHRASES["word_limit"]]
            if len(ids) < PHRASES["n_min"]:
                continue
            for n in range(PHRASES["n_min"], PHRASES["n_max"] + 1):
                for i in range(len(ids) - n + 1):
                    gram = tuple(ids[i:i + n])
                    if gram in self.table:
                        self.table[gram][0] += 1
                    else:
                        self.table[gram] = [1, self.window - 1]
            self.completions += 1
            if self.completions % PHRASES["window"] == 0:
                self.window = math.ceil(self.completions / PHRASES["window"])
                self.table = {gram: entry for gram, entry in self.table.items() if sum(entry) > self.window}

    def significance(self):
        if self.completions - self.updated > PHRASES["window"]:
            found = {}
            for gram, entry in self.table.items():
                if sum(entry) > max(PHRASES["support"] * self.completions, self.window + 1):
                    text = self.tok.decode(list(gram))
                    count = len(text.split())
                    if count >= PHRASES["n_min"]:
                        found[text] = PHRASES["a"] ** (count - 1) * sum(entry) / self.completions * 100
            self.significant = dict(sorted(found.items(), key=lambda item: -item[1]))
            self.updated = self.completions
        return self.significant

    def judge(self, task, completions):
        out, table = [], self.significance()
        for completion in completions:
            if completion in task["base_text"]:
                out.append(0.0)
                continue
            lower = completion.lower()
            hit = any(score > PHRASES["boundary"] and fuzz.partial_ratio(text, lower) > PHRASES["ratio"] for text, score in table.items())
            out.append(0.0 if hit else 1.0)
        return out, out, {}


class Relevance:
    name = "relevance_filter"

    def __init__(self, embedding, distance):
        self.embedding, self.distance = embedding, distance

    def judge(self, task, completions):
        texts, extras = [task["base_text"], *completions], {}
        factor = torch.ones(len(completions))
        if self.distance:
            states = self.distance(texts)
            scores = -((states[1:] - states[0]) ** 2).mean(1).sqrt()
            factor *= (scores >= -1.0)
            extras["bert_score"] = scores.tolist()
        states = self.embedding(texts)
        scores = torch.nn.functional.cosine_similarity(states[1:], states[:1]).abs()
        factor *= (scores >= 0.3)
        extras["mpnet_score"] = scores.tolist()
        return factor.tolist(), factor.tolist(), extras


class Diversity:
    name = "diversity_reward_model"

    def __init__(self, embedding):
        self.embedding, self.history = embedding, torch.zeros(0, 0)

    def judge(self, task, completions):
        states = self.embedding(completions)
        near = (1 - torch.nn.functional.cosine_similarity(states[:, None], states[None], dim=2).abs()).sort(1).values
        raw = 1 / (1 + torch.exp(-40 * near[:, 1] + 4)) if len(completions) > 1 else torch.ones(1)
        extras = dict(batch=raw.tolist())
        if len(self.history) >= 502:
            past = 1 - torch.nn.functional.cosine_similarity(states[:, None], self.history[None, 500:], dim=2).abs()
            near = past.sort(1).values[:, min(1, len(completions) - 1)]
            raw = raw * (1 / (1 + torch.exp(-1000 * near + 50)))
        self.history = torch.cat([self.history, states])[-15500:] if len(self.history) else states
        return raw.tolist(), (raw > 0.2).float().tolist(), extras


class Unsafe:
    name = "nsfw_filter"

    def __init__(self, folder):
        self.model, self.tok = classifier(folder), made.tokenizer_of(folder)

    def judge(self, task, completions):
        worst = []
        for completion in completions:
            ids = self.tok.encode(completion).ids
            chunks = [ids[i:i + 512] for i in range(0, len(ids), 512)]
            worst.append(max(self.model(input_ids=torch.tensor([chunk])).logits[0].softmax(-1)[1].item() for chunk in chunks))
        out = [0.0 if score > UNSAFE else 1.0 for score in worst]
        return out, out, dict(score=worst)


def criterion_penalty(criterion, text):
    (kind, rule), = criterion.items()
    if kind == "length":
        stripped = text.strip()
        length = dict(characters=lambda: len(text), words=lambda: len(re.split(r"\s+", stripped)),
                      sentences=lambda: len(re.findall(r"(?<![A-Z])[.?!](?:\s|$)", text)))[rule["unit"]]()
        off = (length - rule["target"]) / rule["target"]
        return rule["penalty"] * (1 - math.exp(-10 * off * off))
    if kind == "layout":
        bullets, numbers = re.search(r"(\*|-|\+|•|‣|◦)\s", text), re.search(r"\d+\.\s", text)
        kept = dict(plain=not bullets and not numbers, bullets=bullets, numbers=numbers)[rule["layout"]]
        return 0.0 if kept else rule["penalty"]
    any_of = "|".join(map(re.escape, rule["words"]))
    pattern = dict(starts_with=rf"^\s*({any_of})\b", ends_with=rf"({any_of})\s*$", includes=f"({any_of})")[rule["place"]]
    return rule["penalty"] if bool(re.search(pattern, text, re.IGNORECASE)) == rule["negate"] else 0.0


SENTENCES = [re.compile(pattern.replace("_", r"\s*").replace(" ", r"\s+")) for pattern in (
    r"here( is|_'s) a task", r"here( is|_'s) the solution", r"here( is|_'s) my question",
    r"what have we learned from this task\?|what did i learn today_\?|what is the main point of the passage",
    r"what is the correct order of the key points", r"use complete sentences", r"use proper grammar", r"the question was",
    r"sure! her.", r"solution \(in \w+\)", r"great job! here( is|_'s)",
    r"keep it clear and concise. use complete sentences.", r"task_:i can help you with", r"paraphrase_:",
    r"write a tweet about the previous text")]
LABELS = dict(summary=["summary:", "paraphrase:", "paraphrasing:", "paraphrased:"], question=["question:", "query:", "q:"],
              answer=["answer:", "response:", "a:", "completion:"])
FOREIGN = dict(summary=["answer", "question"], question=["answer", "summary"], answer=["question", "summary"])
HEADING = re.compile(r"#+[\d\s]*QUESTION[\d\s]*:|#+[\d\s]*SUMMARY[\d\s]*CONTEXT:", re.IGNORECASE)


def task_validation(task, text):
    return sum(criterion_penalty(criterion, text) for criterion in task["criteria"])


def sentence_match(task, text):
    start = text.strip()[:200].lower()
    return 0.1 * sum(bool(pattern.search(start)) for pattern in SENTENCES)


def keyword_match(task, text):
    lower = text.lower()
    foreign = any(label in lower for kind in FOREIGN[task["kind"]] for label in LABELS[kind])
    return 1.0 if foreign or HEADING.search(text) else 0.0


PENALTIES = [("task_validation_penalty", task_validation, 0.6), ("sentence_match_penalty", sentence_match, 0.2),
             ("keyword_match_penalty", keyword_match, 1.0)]


class Theirs:
    def __init__(self, ours):
        makers = dict(dpo=Dpo, rlhf=Rlhf, reciprocate=Reciprocate, dahoas=Dahoas, prompt_based=lambda folder: PromptBased(folder, ours))
        self.rewards = [(weight, makers[name](FOLDERS[name]), Norm()) for name, weight in WEIGHTS.items()]
        minilm = Embedding(MODELS.minilm)
        self.blacklist = Blacklist()
        distance = Embedding(FOLDERS["distance"]) if "distance" in FOLDERS else None
        self.masks = [self.blacklist, Relevance(minilm, distance), Diversity(minilm), Unsafe(FOLDERS["nsfw"])]

    @torch.no_grad()
    def judge(self, run):
        wall, cpu = time.perf_counter(), time.process_time()
        task, texts = run["task"], [completion for _, completion in run["answers"]]
        self.blacklist.add([text for text in texts if text])
        good = [i for i, (status, _) in enumerate(run["answers"]) if status == 200]
        completions, fields = [texts[i].strip() for i in good], {}
        total = np.zeros(len(texts))
        for weight, function, norm in self.rewards:
            raw = function.score(task, completions)
            fields[function.name] = raw
            total[good] += weight * np.array(norm(raw))
        for mask in self.masks:
            raw, factor, extras = mask.judge(task, completions)
            fields[mask.name] = raw
            fields.update({f"{mask.name}_{name}": values for name, values in extras.items()})
            total[good] *= np.array(factor)
        for name, rule, most in PENALTIES:
            raw = [rule(task, text) for text in texts]
            fields[f"{name}_raw"] = raw
            total *= 1 - np.clip(np.clip(raw, 0, 1), 0, most)
        return total.tolist(), fields, time.perf_counter() - wall, time.process_time() - cpu, good


# ---------------------------------------------------------------- what is judged
STARTERS = "who what when where why how is are can do does did would could will".split()


def sentence(rng, source, count):
    # In the order of the text with gaps, so that the sentence is about it.
    places = sorted(rng.sample(range(len(source)), min(count, len(source))))
    return " ".join(source[i] for i in places).capitalize() + "."


def criteria_of(rng, kind):
    def length(unit, low, high):
        return dict(length=dict(unit=unit, target=rng.randint(low, high), penalty=0.25))

    def content(place, words, negate):
        return dict(content=dict(place=place, words=words, negate=negate, sentence="", penalty=0.25))

    if kind == "summary":
        layout = rng.choice(["bullets", "numbers", "plain"])
        lengths = [("words", 50, 200), ("sentences", 4, 8)] if layout == "plain" else [("words", 100, 200), ("sentences", 8, 12)]
        return [dict(layout=dict(layout=layout, penalty=0.5)), length(*rng.choice(lengths))]
    if kind == "question":
        return [content("starts_with", rng.sample(STARTERS, 3), False), content("ends_with", ["?"], False),
                length(*rng.choice([("words", 10, 40), ("characters", 40, 150)]))]
    return [content("includes", ["?"], True), dict(layout=dict(layout="plain", penalty=0.25)), length("words", 50, 200)]


def completion_of(rng, kind, base):
    source = base.split()
    count = rng.randint(10, 30) if kind == "question" else rng.randint(40, 110)
    parts = []
    while sum(len(part.split()) for part in parts) < count:
        parts.append(sentence(rng, source, rng.randint(8, 16)))
    luck = rng.random()
    if kind == "question":
        text = rng.choice(STARTERS).capitalize() + " " + " ".join(parts).replace(".", "").lower() + "?"
    elif luck < 0.3:
        text = "\n".join(f"{i + 1}. {part}" for i, part in enumerate(parts))
    elif luck < 0.4:
        text = "\n".join(f"- {part}" for part in parts)
    else:
        text = " ".join(parts)
    luck = rng.random()
    if luck < 0.1:
        text = "In conclusion all people of this valley have a good reason to be glad. " + text
    elif luck < 0.15:
        text = "Sure! Here is the solution: " + text
    elif luck < 0.2:
        text += "\nAnswer: " + made.words(rng, 8)
    elif luck < 0.23:
        text = base[:len(base) // 2]
    elif luck < 0.26:
        text = made.words(rng, 3)
    return " " + text + " "


def run_of(rng, name, base):
    kind = next(kind for start, kind in KINDS.items() if name.startswith(start))
    answers = []
    for _ in range(args.answers):
        late = rng.random() < 0.06
        answers.append([408, ""] if late else [200, completion_of(rng, kind, base)])
    return dict(task=dict(name=name, kind=kind, base_text=base, criteria=criteria_of(rng, kind)), answers=answers)


def pass_of(seed):
    rng = random.Random(seed)
    text = ". ".join(made.words(rng, rng.randint(8, 14)).capitalize() for _ in range(12))
    runs = [run_of(rng, "augment", text)]
    summary = "### SUMMARY CONTEXT:\n" + " ".join(sentence(rng, text.split(), 14) for _ in range(5))
    for k in range(args.rounds):
        runs.append(run_of(rng, f"followup{k}", summary))
        question = f"{summary}\n### QUESTION {k}:\n{sentence(rng, text.split(), 10)[:-1]}?"
        runs.append(run_of(rng, f"answer{k}", question))
    return runs


def number(value):
    return float("nan") if value is None or value == "nan" else float(value)


def differences(ours, theirs, good, size):
    """The largest by field; a reward and every number that led to it."""
    (rewards, fields), (expected, expected_fields) = ours, theirs
    out = {"rewards": max(abs(a - b) for a, b in zip(rewards, expected))}
    for name, values in expected_fields.items():
        mine = [number(value) for value in fields[name]]
        places = range(size) if name.endswith("_penalty_raw") else good
        out[name] = max((abs(mine[i] - value) for i, value in zip(places, values)), default=0.0)
    return out


def main():
    ours = Ours()
    theirs = Theirs(ours)
    sides = {"ours": ours.judge, "torch": lambda run: theirs.judge(run)}
    figures, worst, masked, earned, judged = {side: [] for side in sides}, collections.Counter(), collections.Counter(), 0, 0
    for number_of_pass in range(args.passes + 1):
        spent = {side: [0.0, 0.0] for side in sides}
        runs = pass_of(number_of_pass)
        for place, run in enumerate(runs):
            results = {}
            for side in (list(sides) if (number_of_pass + place) % 2 else list(sides)[::-1]):
                results[side] = sides[side](run)
                spent[side][0] += results[side][2]
                spent[side][1] += results[side][3]
            good, size = results["torch"][4], len(run["answers"])
            for name, value in differences(results["ours"][:2], results["torch"][:2], good, size).items():
                worst[name] = max(worst[name], value)
            for mask in theirs.masks:
                masked[mask.name] += sum(1 for value in results["torch"][1][mask.name] if value <= 0.2)
            earned += sum(reward > 0 for reward in results["ours"][0])
            judged += size
        if number_of_pass:  # the first one warms up
            for side in sides:
                wall, cpu = spent[side]
                figures[side].append((60 * len(runs) / wall, 60 * len(runs) / max(cpu, 1e-9), len(runs) * args.answers / max(cpu, 1e-9)))
    ours.process.stdin.close()
    rows = {side: [statistics.median(figure[i] for figure in figures[side]) for i in range(3)] for side in sides}
    per_pass = 1 + 2 * args.rounds
    print(f"profile {args.profile}: {args.passes} passes of {per_pass} runs of {args.answers} answers; {judged} answers in all, {earned} earned something; masked: {dict(masked)}")
    for side, (wall, cpu, completions) in rows.items():
        print(f"{side}: {wall:.1f} runs a minute, {cpu:.1f} a CPU-minute, {completions:.1f} answers a CPU-second")
    print(f"ours is {rows['ours'][0] / rows['torch'][0]:.2f}x torch ({rows['ours'][1] / rows['torch'][1]:.2f}x by CPU time)")
    print("largest differences: " + ", ".join(f"{name} {value:.1e}" for name, value in worst.items()))
    load = os.getloadavg()[0]
    print(f"one core each, in turns; load at the end {load:.1f}; torch {torch.__version__}, transformers {tf.__version__}")
    if args.json:
        json.dump(dict(rows=rows, worst=worst, masked=masked, load=load, profile=args.profile), open(args.json, "w"), indent=1)
    bad = {name: value for name, value in worst.items() if not value <= 1e-4}
    if bad:
        raise SystemExit(f"RESULTS DIFFER by more than 1e-4: {bad}")


main()
