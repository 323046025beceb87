"""Our scoring against torch and onnxruntime, in turns within one run.

The reward models that validators use cannot be fetched without a network, so models of their shapes are made here with
random weights: a DeBERTa-v3 of base size, a RoBERTa of base size, a Llama of the shape of SmolLM2-135M, each with the
tokenizer of MiniLM. MiniLM itself has its real weights. Texts differ in every round, so that nothing is remembered.

The torch functions do what the reference functions do: one completion after the other for the reward models, all
completions in one padded batch for embeddings.
"""

import argparse, json, math, os, random, statistics, subprocess, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("--bench", required=True)
parser.add_argument("--cache", required=True)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--completions", type=int, default=16)
parser.add_argument("--sentences", type=int, default=256)
parser.add_argument("--only", default="")
parser.add_argument("--json")
args = parser.parse_args()

os.environ["OMP_NUM_THREADS"] = str(args.threads)
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import numpy as np
import torch
import transformers as tf

from made import Models, deberta, llama, roberta, tokenizer_of, words

tf.logging.set_verbosity_error()
tf.logging.disable_progress_bar()
torch.set_num_threads(args.threads)
MODELS = Models(args.cache)
MINILM, MADE, made = MODELS.minilm, MODELS.folder, MODELS.made


# ---------------------------------------------------------------- the functions in torch
class Reward:
    """rlhf: the pair through the classifier, one completion after the other."""

    kind, unit = "classify", "completions"

    def __init__(self, name, build):
        self.name, self.folder = name, made(name, build)
        self.tok = tokenizer_of(self.folder)
        self.model = None

    def load(self):
        self.model = tf.AutoModelForSequenceClassification.from_pretrained(self.folder, dtype=torch.float32).eval()

    def inputs(self, rng):
        prompt = words(rng, 120)
        return dict(inputs=[[prompt, words(rng, rng.randint(30, 110))] for _ in range(args.completions)])

    @torch.no_grad()
    def torch(self, job):
        out = []
        for pair in job["inputs"]:
            ids = self.tok.encode(*pair).ids
            out.append(self.model(input_ids=torch.tensor([ids])).logits[0].tolist())
        return out


class Filter(Reward):
    """nsfw: the completion through the classifier."""

    def inputs(self, rng):
        return dict(inputs=[words(rng, rng.randint(30, 110)) for _ in range(args.completions)])

    @torch.no_grad()
    def torch(self, job):
        ids = [self.tok.encode(text).ids for text in job["inputs"]]
        return [self.model(input_ids=torch.tensor([row])).logits[0].tolist() for row in ids]


class LogProb(Reward):
    """dpo: mean log-probability of the completion, with the reference's rule for repeated n-grams."""

    kind = "log_prob"

    def load(self):
        self.model = tf.AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32).eval()

    def inputs(self, rng):
        return dict(prompt=words(rng, 120), inputs=[" " + words(rng, rng.randint(30, 110)) for _ in range(args.completions)])

    @torch.no_grad()
    def torch(self, job):
        out = []
        start = len(self.tok.encode(job["prompt"]).ids)
        for text in job["inputs"]:
            ids = self.tok.encode(job["prompt"] + text).ids
            logits = self.model(input_ids=torch.tensor([ids])).logits[0][:-1]
            tail, tokens = ids[start:][-4:], ids[start:]
            punished = {tokens[i + 4] for i in range(len(tokens) - 4) if tokens[i:i + 4] == tail}
            if punished:
                logits[:, sorted(punished)] = logits.mean() - 10 * logits.std()
            picked = logits.log_softmax(-1)[range(start - 1, len(ids) - 1), ids[start:]]
            out.append(picked.mean().item())
        return out


class Embedding:
    """Sentence vectors, in padded batches of 32 of similar length."""

    kind, unit, name = "minilm", "sentences", "minilm"

    def __init__(self, batch):
        self.folder, self.batch = MINILM, batch
        self.name = f"minilm, {batch} at a time"
        self.tok = tokenizer_of(MINILM)

    def load(self):
        self.model = tf.AutoModel.from_pretrained(self.folder, dtype=torch.float32).eval()
        self.session = onnx_session(self.model)

    def inputs(self, rng):
        return dict(inputs=[words(rng, rng.randint(6, 56)) for _ in range(args.sentences)])

    def batches(self, job):
        ids = [self.tok.encode(text).ids for text in job["inputs"]]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(order), self.batch):
            rows = order[start:start + self.batch]
            longest = max(len(ids[i]) for i in rows)
            padded = np.zeros((len(rows), longest), dtype=np.int64)
            mask = np.zeros_like(padded)
            for row, i in enumerate(rows):
                padded[row, :len(ids[i])] = ids[i]
                mask[row, :len(ids[i])] = 1
            yield rows, padded, mask

    def pooled(self, job, states_of):
        out = [None] * len(job["inputs"])
        for rows, ids, mask in self.batches(job):
            states = states_of(ids, mask)
            mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            for i, row in zip(rows, mean / np.linalg.norm(mean, axis=1, keepdims=True)):
                out[i] = row.tolist()
        return out

    @torch.no_grad()
    def torch(self, job):
        return self.pooled(job, lambda ids, mask: self.model(
            input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state.numpy())

    def onnx(self, job):
        return self.pooled(job, lambda ids, mask: self.session.run(
            None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0])


SESSION = None


def onnx_session(model):
    """The graph that onnxruntime itself makes of a BERT: fused attention, norms and activations."""
    global SESSION
    if SESSION is not None:
        return SESSION
    import onnxruntime
    from onnxruntime.transformers import optimizer
    os.makedirs(MADE, exist_ok=True)
    plain, fused = os.path.join(MADE, "minilm.onnx"), os.path.join(MADE, "minilm-fused.onnx")
    if not os.path.exists(fused):
        ids = torch.ones(2, 8, dtype=torch.long)
        axes = {0: "batch", 1: "length"}
        names = ["input_ids", "attention_mask", "token_type_ids"]
        eager = tf.AutoModel.from_pretrained(MINILM, dtype=torch.float32, attn_implementation="eager").eval()
        eager.config.return_dict = False

        class Plain(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = eager

            def forward(self, input_ids, attention_mask, token_type_ids):
                return self.inner(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]

        torch.onnx.export(Plain().eval(), (ids, ids, ids), plain, input_names=names, output_names=["states"],
                          dynamic_axes={name: axes for name in [*names, "states"]}, opset_version=17, dynamo=False)
        optimised = optimizer.optimize_model(plain, model_type="bert", num_heads=12, hidden_size=384, opt_level=1)
        print("onnx fusions:", optimised.get_fused_operator_statistics(), file=sys.stderr)
        optimised.save_model_to_file(fused)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    SESSION = onnxruntime.InferenceSession(fused, options, providers=["CPUExecutionProvider"])
    return SESSION


# ---------------------------------------------------------------- measuring
class Ours:
    def __init__(self):
        env = dict(os.environ, RAYON_NUM_THREADS=str(args.threads))
        self.process = subprocess.Popen([args.bench, str(args.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __call__(self, case, job):
        # As many at a time as the others get.
        size, seconds, cpu, results = getattr(case, "batch", None) or len(job["inputs"]), 0.0, 0.0, []
        order = list(range(len(job["inputs"])))
        if case.kind == "minilm":
            order.sort(key=lambda i: len(job["inputs"][i]))
        for start in range(0, len(order), size):
            part = [job["inputs"][i] for i in order[start:start + size]]
            print(json.dumps(dict(job, kind=case.kind, folder=case.folder, inputs=part)), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("our side ended")
            answer = json.loads(line)
            seconds, cpu = seconds + answer["seconds"], cpu + answer["cpu_seconds"]
            results.extend(answer["results"])
        out = [None] * len(order)
        for i, result in zip(order, results):
            out[i] = result
        return out, seconds, cpu


def timed(function, job):
    wall, cpu = time.perf_counter(), time.process_time()
    results = function(job)
    return results, time.perf_counter() - wall, time.process_time() - cpu


def largest_difference(left, right):
    return float(np.abs(np.asarray(left, dtype=np.float64) - np.asarray(right, dtype=np.float64)).max())


def main():
    ours = Ours()
    cases = [Reward("deberta-v3-base", deberta), Filter("roberta-base", roberta), LogProb("llama-135m", llama),
             Embedding(1), Embedding(8), Embedding(32)]
    cases = [case for case in cases if args.only in case.name]
    rows = []
    for case in cases:
        case.load()
        sides = {"ours": lambda job: ours(case, job), "torch": lambda job: timed(case.torch, job)}
        if hasattr(case, "onnx"):
            sides["onnxruntime"] = lambda job: timed(case.onnx, job)
        figures = {side: [] for side in sides}
        worst = {side: 0.0 for side in sides}
        for number in range(args.rounds + 1):
            job = case.inputs(random.Random(1000 * number + len(rows)))
            results = {}
            for side in (list(sides) if number % 2 else list(sides)[::-1]):
                results[side], wall, cpu = sides[side](job)
                if number:  # the first round warms up
                    figures[side].append((len(job["inputs"]) / wall, len(job["inputs"]) / max(cpu, 1e-9)))
            for side in sides:
                worst[side] = max(worst[side], largest_difference(results["ours"], results[side]))
        row = dict(case=case.name, unit=case.unit)
        for side in sides:
            row[side] = dict(per_second=statistics.median(f[0] for f in figures[side]),
                             per_cpu_second=statistics.median(f[1] for f in figures[side]), largest_difference=worst[side])
        rows.append(row)
        told = [f"{side} {row[side]['per_second']:.1f}/s, {row[side]['per_cpu_second']:.1f} a CPU-second"
                + (f", differs by {worst[side]:.1e}" if side != "ours" else "") for side in sides]
        ratios = [f"{row['ours']['per_second'] / row[side]['per_second']:.2f}x {side} ({row['ours']['per_cpu_second'] / row[side]['per_cpu_second']:.2f}x by CPU time)"
                  for side in sides if side != "ours"]
        print(f"{case.name} ({case.unit}): " + "; ".join(told) + "; ours is " + ", ".join(ratios), flush=True)
        bad = [side for side in sides if worst[side] > 1e-4]
        if bad:
            print(f"  RESULTS DIFFER from {bad} by more than 1e-4", flush=True)
    ours.process.stdin.close()
    load = os.getloadavg()
    print(f"{args.threads} threads, {args.rounds} rounds, load at the end {load[0]:.1f}; torch {torch.__version__}, transformers {tf.__version__}")
    if args.json:
        json.dump(dict(rows=rows, threads=args.threads, load=load), open(args.json, "w"), indent=1)
    if any(row[side]["largest_difference"] > 1e-4 for row in rows for side in row if isinstance(row[side], dict)):
        raise SystemExit(1)


main()
