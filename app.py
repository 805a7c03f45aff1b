"""The page: every tab that stands in tabs/, one server, also for the API and for agents (MCP).

The first page is served before torch or any weights are loaded; those follow in the background.
"""

import gc
import os

gc.disable()  # while thousands of modules load: half a second of every start, and there is no garbage yet
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that spin starve the server beside them
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import importlib
import json
import pkgutil
from types import ModuleType
from typing import Any

import gradio as gr
from gradio.processing_utils import add_root_url
from gradio_client.utils import is_file_obj_with_meta

import tabs
from playground.engine import Engine
from playground.recipes import Recipe
from tabs._controls import PARALLEL
from tabs._theme import CSS, HEAD, theme

gc.enable()

TITLE = "Playground"
MASTHEAD = """<header class="masthead"><h1>Playground</h1>
<p>Small models, trained from scratch, that let you see how they choose.</p></header>"""
HOUR = 3600


def tab_modules() -> list[ModuleType]:
    """The modules of tabs/ that are a tab, in the order in which they stand."""
    names = [module.name for module in pkgutil.iter_modules(tabs.__path__) if not module.name.startswith("_")]
    return sorted((importlib.import_module(f"tabs.{name}") for name in names), key=lambda module: module.ORDER)


def build(engine: Engine) -> gr.Blocks:
    """The whole page over an engine."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(HOUR, HOUR), fill_width=True) as demo:
        gr.HTML(MASTHEAD, js_on_load=None)
        with gr.Tabs() as all_tabs:
            for module in tab_modules():
                with gr.Tab(module.TITLE, id=module.TITLE.lower()):
                    module.build(demo, engine)
        demo.load(asked_tab, None, all_tabs, queue=False, api_visibility="private", show_progress="hidden")
        gr.api(models(engine), api_name="models", concurrency_limit=PARALLEL)
    return demo.queue(max_size=64)


def asked_tab(request: gr.Request) -> Any:
    """The tab that the page's address names, to the front; where it names none, nothing."""
    asked = request.query_params.get("tab")
    return gr.Tabs(selected=asked) if asked in {module.TITLE.lower() for module in tab_modules()} else gr.skip()


def models(engine: Engine) -> Any:
    """The function that lists the models, for the API and for agents."""

    def list_models() -> list:
        """List the models with their kind, size, defaults, and, where one can't be used, the problem.

        Returns:
            One object per model.
        """
        return [
            {
                "name": entry.name,
                "kind": entry.manifest.kind if entry.manifest else None,
                "summary": entry.manifest.summary if entry.manifest else "",
                "parameters": entry.manifest.parameters if entry.manifest else 0,
                "defaults": entry.manifest.defaults if entry.manifest else {},
                "problem": entry.problem,
            }
            for entry in engine.registry.entries()
        ]

    return list_models


def answer_agents_in_json(demo: gr.Blocks) -> None:
    """Gradio hands an MCP client Python's `str()` of a result; what is not a file goes out as JSON instead.

    The files in it follow, so that an agent sees a picture.
    """
    server = demo.mcp_server_obj
    as_content = server.postprocess_output_data

    def postprocess_output_data(data: Any, root_url: str) -> Any:
        told: list[Any] = []
        for item in add_root_url(data, root_url, None):
            if is_file_obj_with_meta(item) or not isinstance(item, dict | list):
                told.append(item)
            else:
                told += [json.dumps(item), *files_in(item)]
        return as_content(told, root_url)

    server.postprocess_output_data = postprocess_output_data


def files_in(item: Any) -> list[dict[str, Any]]:
    """Every file that Gradio serves, however deep it lies in a document."""
    if is_file_obj_with_meta(item):
        return [item]
    inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return [file for value in inner for file in files_in(value)]


def serve(demo: gr.Blocks, port: int | None = None) -> str:
    """Start the server in the background; its address."""
    _, url, _ = demo.launch(
        server_port=port,
        theme=theme(),
        css=CSS,
        head=HEAD,
        footer_links=["api"],
        mcp_server=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        prevent_thread_lock=True,
        quiet=True,
    )
    answer_agents_in_json(demo)
    return url


def main() -> None:
    """Serve the page; `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT` say where."""
    engine = Engine()
    demo = build(engine)
    url = serve(demo, int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
    print(f"Playground: {url} · for agents (MCP): {url}gradio_api/mcp/", flush=True)
    for recipe in Recipe.kinds.values():
        engine.warm_up(recipe.kind, recipe.model_fields["model"].default)
    demo.block_thread()


if __name__ == "__main__":
    main()
