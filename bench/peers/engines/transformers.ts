/**
 * transformers on PyTorch, as a program for `python -c`; orders and answers as in lines.mjs. Its arguments:
 * threads.
 */
export const TRANSFORMERS = `
import json, sys, time, torch, transformers
threads = int(sys.argv[1])
torch.set_num_threads(threads)
transformers.logging.set_verbosity_error()
model = None

def answer(value):
    print("@answer " + json.dumps(value), flush=True)

def run(prompt, count):
    ids, tokens, start, first = torch.tensor([prompt]), [], time.perf_counter(), 0
    with torch.inference_mode():
        out = model(ids, use_cache=True, logits_to_keep=1)
        while True:
            tokens.append(int(out.logits[0, -1].argmax()))
            first = first or time.perf_counter()
            if len(tokens) > count: break
            position = torch.tensor([len(prompt) + len(tokens) - 1])
            out = model(torch.tensor([tokens[-1:]]), cache_params=out.cache_params, use_cache=True, cache_position=position)
    return {"tokens": tokens, "prefill": first - start, "decode": time.perf_counter() - first}

answer({"description": f"transformers {transformers.__version__}, PyTorch {torch.__version__}, {threads} threads"})
for line in sys.stdin:
    order = json.loads(line)
    try:
        if order["order"] == "open":
            model = transformers.AutoModelForCausalLM.from_pretrained(order["path"], dtype=torch.float32).eval()
            answer({})
        else:
            answer(run(order["prompt"], order["count"]))
    except Exception as error:
        answer({"error": repr(error)})
`
