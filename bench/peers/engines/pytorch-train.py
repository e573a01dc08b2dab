"""Training steps of Mamba-1 in PyTorch, with the scan written by hand: python pytorch-train.py <threads> <loop | chunks>

Orders and answers are lines, as in lines.mjs. Everything is time first, [L, B, channels], so that a step of the scan is contiguous.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

THREADS = int(sys.argv[1])
SCAN = sys.argv[2]
EPS = 1e-5
torch.set_num_threads(THREADS)


class Loop(torch.autograd.Function):
    """h[t] = exp(delta[t] A) h[t-1] + v[t] B[t]; y[t] = C[t] h[t]. All states are kept: [L, B, N, E].

    delta, v (which is delta u) [L, B, E]; A [N, E]; B, C [L, B, N].
    """

    @staticmethod
    def forward(ctx, v, delta, A, B, C):
        decay = (delta[:, :, None] * A).exp_()
        h = v[:, :, None] * B[..., None]
        for t in range(1, len(h)):
            h[t].addcmul_(decay[t], h[t - 1])
        ctx.save_for_backward(v, delta, A, B, C, decay, h)
        return torch.matmul(C[:, :, None], h).squeeze(2)

    @staticmethod
    def backward(ctx, gy):
        v, delta, A, B, C, decay, h = ctx.saved_tensors
        g = gy[:, :, None] * C[..., None]
        gC = torch.matmul(h, gy[..., None]).squeeze(-1)
        for t in range(len(h) - 2, -1, -1):
            g[t].addcmul_(decay[t + 1], g[t + 1])
        gB = torch.matmul(g, v[..., None]).squeeze(-1)
        gv = torch.matmul(B[:, :, None], g).squeeze(2)
        q = decay.mul_(g)
        q[1:].mul_(h[:-1])
        q[0].zero_()
        gdelta = torch.mul(q, A, out=g).sum(2)
        gA = q.mul_(delta[:, :, None]).sum((0, 1))
        return gv, gdelta, gA, gB, gC


class Chunks(torch.autograd.Function):
    """The same in chunks whose states stay in the caches; kept is one state a chunk, the others are computed again."""

    CHUNK = 32

    @staticmethod
    def states(v, delta, A, B, before, decay, h):
        torch.mul(delta[:, :, None], A, out=decay)
        decay.exp_()
        torch.mul(v[:, :, None], B[..., None], out=h)
        for t in range(len(h)):
            h[t].addcmul_(decay[t], before)
            before = h[t]

    @staticmethod
    def forward(ctx, v, delta, A, B, C):
        T, (L, rows, E), N = Chunks.CHUNK, v.shape, len(A)
        decay, h = v.new_empty(2, T, rows, N, E)
        starts = v.new_zeros(L // T, rows, N, E)
        y = torch.empty_like(v)
        for c in range(L // T):
            s = slice(c * T, c * T + T)
            if c > 0:
                starts[c].copy_(h[-1])
            Chunks.states(v[s], delta[s], A, B[s], starts[c], decay, h)
            torch.matmul(C[s][:, :, None], h, out=y[s].unsqueeze(2))
        ctx.save_for_backward(v, delta, A, B, C, starts)
        return y

    @staticmethod
    def backward(ctx, gy):
        v, delta, A, B, C, starts = ctx.saved_tensors
        T, (L, rows, E), N = Chunks.CHUNK, v.shape, len(A)
        decay, h, g = v.new_empty(3, T, rows, N, E)
        carry = v.new_zeros(rows, N, E)
        gv, gdelta, gA, gB, gC = (torch.empty_like(each) for each in (v, delta, A, B, C))
        gA.zero_()
        for c in range(L // T - 1, -1, -1):
            s = slice(c * T, c * T + T)
            Chunks.states(v[s], delta[s], A, B[s], starts[c], decay, h)
            torch.mul(gy[s][:, :, None], C[s][..., None], out=g)
            torch.matmul(h, gy[s][..., None], out=gC[s].unsqueeze(-1))
            g[-1].add_(carry)
            for t in range(T - 2, -1, -1):
                g[t].addcmul_(decay[t + 1], g[t + 1])
            torch.matmul(g, v[s][..., None], out=gB[s].unsqueeze(-1))
            torch.matmul(B[s][:, :, None], g, out=gv[s].unsqueeze(2))
            q = decay.mul_(g)
            carry.copy_(q[0])
            q[1:].mul_(h[:-1])
            q[0].mul_(starts[c])
            torch.sum(torch.mul(q, A, out=g), 2, out=gdelta[s])
            gA += q.mul_(delta[s][:, :, None]).sum((0, 1))
        return gv, gdelta, gA, gB, gC


def convolve(u, weight, bias):
    """Four shifted multiply-adds: in this layout faster than conv1d, forward and backward."""
    taps = weight.shape[-1]
    padded = F.pad(u, (0, 0, 0, 0, taps - 1, 0))
    y = torch.addcmul(bias, u, weight[:, 0, -1])
    for k in range(taps - 1):
        y = torch.addcmul(y, padded[k : k + len(u)], weight[:, 0, k])
    return y


class Trainer:
    def __init__(self, path):
        self.p = {name: torch.nn.Parameter(each) for name, each in load_file(f"{path}/model.safetensors").items()}
        self.layers = len({name.split(".")[2] for name in self.p if ".layers." in name})
        self.scan = {"loop": Loop, "chunks": Chunks}[SCAN].apply
        decayed = [each for name, each in self.p.items() if each.ndim == 2 and not name.endswith("A_log")]
        plain = [each for name, each in self.p.items() if each.ndim != 2 or name.endswith("A_log")]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8, fused=True)

    def mixer(self, x, p):
        u, z = F.linear(x, p("in_proj.weight")).chunk(2, -1)
        u = F.silu(convolve(u, p("conv1d.weight"), p("conv1d.bias")))
        rank, state = p("dt_proj.weight").shape[1], p("A_log").shape[1]
        low, B, C = F.linear(u, p("x_proj.weight")).split([rank, state, state], -1)
        delta = F.softplus(F.linear(low, p("dt_proj.weight"), p("dt_proj.bias")))
        A = -p("A_log").exp().T.contiguous()
        y = self.scan(delta * u, delta, A, B.contiguous(), C.contiguous())
        return F.linear(torch.addcmul(y, u, p("D")) * F.silu(z), p("out_proj.weight"))

    def loss(self, tokens, labels):
        embedding = self.p["backbone.embeddings.weight"]
        x = F.embedding(tokens, embedding)
        for i in range(self.layers):
            norm = self.p[f"backbone.layers.{i}.norm.weight"]
            part = lambda name: self.p[f"backbone.layers.{i}.mixer.{name}"]
            x = x + self.mixer(F.rms_norm(x, norm.shape, norm, EPS), part)
        norm = self.p["backbone.norm_f.weight"]
        logits = F.linear(F.rms_norm(x, norm.shape, norm, EPS), embedding)
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten())

    def step(self, tokens, labels, rate):
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.loss(tokens, labels)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.p.values(), 1.0)
        self.optimizer.step()
        return loss.item()


def train(trainer, batches, rows, rate):
    ids = [[torch.tensor(each[key]).view(rows, -1).T.contiguous() for key in ("tokens", "labels")] for each in batches]
    start = time.perf_counter()
    losses = [trainer.step(*each, rate) for each in ids]
    return {"losses": losses, "seconds": time.perf_counter() - start}


def answer(value):
    print("@answer " + json.dumps(value), flush=True)


answer({"description": f"PyTorch {torch.__version__}, scan written by hand ({SCAN}), {THREADS} threads"})
trainer = None
for line in sys.stdin:
    order = json.loads(line)
    try:
        if order["order"] == "open":
            trainer = Trainer(order["path"])
            answer({})
        else:
            answer(train(trainer, order["batches"], order["rows"], order["rate"]))
    except Exception as error:
        answer({"error": repr(error)})
