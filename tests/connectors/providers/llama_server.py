"""llama.cpp's own HTTP server over the chat model that comes with Playhead, as a process of its own.

    python llama_server.py MODEL.GGUF

It prints its address, and ends with its standard input.
"""

import sys

import xllamacpp as llama  # of Triton's part

TEMPLATE = """\
{%- if tools %}<|im_start|>system
You may call tools. <tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>
Call one as <tool_call>
{"name": NAME, "arguments": ARGUMENTS}
</tool_call><|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == "tool" %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif message.tool_calls %}<|im_start|>assistant
{%- for call in message.tool_calls %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% else %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
"""The model's own template knows no tools; this one writes its marks, and tools as others do."""


def main(gguf: str) -> None:
    params = llama.CommonParams()
    params.model.path = gguf
    params.n_parallel, params.n_ctx = 2, 4_096
    params.cpuparams.n_threads = 1
    params.verbosity, params.port = 0, 0
    params.chat_template = TEMPLATE
    params.api_keys = ["sk-of-the-test"]
    server = llama.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
