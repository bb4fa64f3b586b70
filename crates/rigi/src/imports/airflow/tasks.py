

# Goes on where values.py ends.
class Tasks(Values):
    """What calls of operators and functions make: tasks, and what comes after what."""

    # Tasks.

    def place(self, dag_word=None):
        """The DAG that a task belongs to: the one that it names, or the one around it."""
        if isinstance(dag_word, Dag):
            return dag_word
        return self.open[-1] if self.open else None

    def add(self, node, task, dag, fields):
        prefix = ".".join(name for _, name in self.groups if name)
        whole = f"{prefix}.{task}" if prefix else task
        number = 1
        while whole in dag.by_id:
            whole, number = f"{prefix}.{task}__{number}" if prefix else f"{task}__{number}", number + 1
        if len(dag.tasks) >= MOST_TASKS:
            self.note(node, f"a DAG has at most {MOST_TASKS} tasks here")
            return UNKNOWN
        made = Task(self, node.lineno, {"id": whole, "line": node.lineno, **fields})
        dag.by_id[whole] = made
        dag.tasks.append(made.fields)
        for group, _ in self.groups:
            group.tasks.append(whole)
        made.dag = dag
        return made

    def missing(self, node, task, why):
        dag = self.place()
        return self.add(node, task, dag, {"kind": "missing", "why": why}) if dag else UNKNOWN

    def settings(self, node, words, task, dag):
        """What the words of a task say beside what it does."""
        fields = {}
        for word in words:
            if word.arg is None:
                self.note(node, "what `**` gives the task is not taken", task)
                continue
            if word.arg not in TASK_WORDS:
                self.note(word.value, f"`{word.arg}` has no counterpart", task)
                continue
            if word.arg in ARGS_WORDS or word.arg in ("doc_md", "doc"):
                found = self.value(word.value)
                if found is UNKNOWN:
                    self.note(word.value, f"`{word.arg}` is only known when it runs", task)
                else:
                    fields[word.arg] = found
        defaults = dag.args.get("default_args") or {}
        for name in ARGS_WORDS & set(defaults):
            fields.setdefault(name, defaults[name])
        return fields

    def operator(self, node, name):
        words = {word.arg: word.value for word in node.keywords if word.arg}
        task = self.value(words["task_id"])
        dag_word = self.expression(words["dag"]) if "dag" in words else None
        dag = self.place(dag_word)
        if dag is None:
            self.note(node, "a task outside of every DAG is not taken")
            return UNKNOWN
        if not isinstance(task, str):
            self.note(node, "the name of a task is only known when it runs: it is not taken")
            return UNKNOWN
        fields = self.settings(node, node.keywords, task, dag)
        if name == "BashOperator":
            fields.update(self.bash(node, words, task))
        elif name in EMPTY:
            fields["kind"] = "empty"
        elif name == "PythonOperator":
            fields.update(self.python(node, words, task))
        elif name == "TriggerDagRunOperator" and isinstance(self.value(words.get("trigger_dag_id", ast.Constant(0))), str):
            fields.update({"kind": "pipeline", "pipeline": self.value(words["trigger_dag_id"])})
        else:
            self.note(node, f"`{name}` has no counterpart: its step fails and says so", task)
            fields.update({"kind": "missing", "why": f"`{name}` has no counterpart"})
        made = self.add(node, task, dag, fields)
        self.take_results(node, made, [words[word] for word in ("op_args", "op_kwargs", "bash_command", "env") if word in words])
        return made

    def take_results(self, node, made, places):
        """`task.output` among what a task is given is a dependency."""
        for place in places:
            for inner in ast.walk(place):
                if isinstance(inner, ast.Attribute) and inner.attr == "output" and isinstance(inner.value, ast.Name):
                    self.link(node, self.names.get(inner.value.id, UNKNOWN), made)

    def bash(self, node, words, task):
        command = self.value(words["bash_command"]) if "bash_command" in words else UNKNOWN
        if not isinstance(command, str):
            self.note(node, "its command is only known when it runs: its step fails and says so", task)
            return {"kind": "missing", "why": "its command is only known when Airflow runs it"}
        fields = {"kind": "bash", "command": self.template_file(command, node, task)}
        for word in ("env", "cwd"):
            if word in words:
                found = self.value(words[word])
                if found is UNKNOWN or found is None:
                    self.note(words[word], f"`{word}` is only known when it runs", task)
                else:
                    fields[word] = found
        return fields

    def template_file(self, command, node, task):
        """A command that ends with `.sh` is a file beside the DAG."""
        if not command.endswith((".sh", ".bash")) or any(c.isspace() for c in command):
            return command
        base = os.path.dirname(os.path.join(self.root, self.path))
        for folder in (base, self.root):
            path = os.path.realpath(os.path.join(folder, command))
            if path.startswith(os.path.realpath(self.root) + os.sep) and os.path.isfile(path) and os.path.getsize(path) <= LARGEST_FILE:
                with open(path, encoding="utf-8", errors="replace") as file:
                    return file.read()
        self.note(node, f"`{command}` is a file that is not in this folder", task)
        return command

    def python(self, node, words, task):
        callable_name = words["python_callable"].id if isinstance(words.get("python_callable"), ast.Name) else None
        if callable_name is None:
            self.note(node, "what it calls is no function of the file: its step fails and says so", task)
            return {"kind": "missing", "why": "what it calls is no function of its file"}
        fields = self.code(node, callable_name, task)
        for word in ("op_args", "op_kwargs"):
            if word in words and fields["kind"] == "python":
                found = self.value(words[word])
                if found is UNKNOWN:
                    self.note(words[word], f"`{word}` is only known when it runs: its step fails and says so", task)
                    return {"kind": "missing", "why": f"`{word}` is only known when Airflow runs it"}
                fields["given" if word == "op_args" else "named"] = found
        return fields

    def task_of_function(self, node, decorated):
        function, decorator = decorated.function, decorated.decorator
        words = list(decorator.keywords) if isinstance(decorator, ast.Call) else []
        words = [word for word in words if word.arg not in {more.arg for more in decorated.more}] + decorated.more
        given = self.word(words, "task_id")
        task = given if isinstance(given, str) else function.name
        dag = self.place()
        if dag is None:
            return UNKNOWN
        fields = self.settings(node, words, task, dag)
        kind = dotted(decorator)
        if kind == "task.bash":
            fields.update(self.returned_command(node, function, task))
        elif kind in ("task", "task.python"):
            fields.update(self.code(node, function.name, task, function))
        else:
            self.note(node, f"`@{kind}` has no counterpart: its step fails and says so", task)
            fields.update({"kind": "missing", "why": f"`@{kind}` has no counterpart"})
        values, named_values, results = self.arguments(node, function, task)
        if values is None:
            fields.update({"kind": "missing", "why": "what it is given is only known when Airflow runs it"})
            values, named_values, results = [], {}, {}
        if fields["kind"] == "python":
            fields.update({"given": values, "named": named_values, "results": {name: upstream.fields["id"] for name, upstream in results.items()}})
        made = self.add(node, task, dag, fields)
        for upstream in results.values():
            self.link(node, upstream, made)
        return made

    def arguments(self, node, function, task):
        """What a call gives: values, and results of other tasks by the name of the argument."""
        names = [argument.arg for argument in function.args.posonlyargs + function.args.args]
        values, results = {}, {}
        pairs = list(zip(names, node.args)) + [(word.arg, word.value) for word in node.keywords]
        if len(node.args) > len(names) or any(name is None for name, _ in pairs):
            self.note(node, "what it is given is only known when it runs: its step fails and says so", task)
            return None, None, None
        for name, item in pairs:
            found = self.expression(item)
            if isinstance(found, Task):
                results[name] = found
            elif found is UNKNOWN or isinstance(found, (Dag, Group, Decorated)) or not plain(found):
                self.note(item, f"`{name}` is only known when it runs: its step fails and says so", task)
                return None, None, None
            else:
                values[name] = found
        return [], values, results

    def returned_command(self, node, function, task):
        body = [statement for statement in function.body if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))]
        command = self.value(body[0].value) if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value else UNKNOWN
        if isinstance(command, str):
            return {"kind": "bash", "command": command}
        self.note(node, "its command is only known when it runs: its step fails and says so", task)
        return {"kind": "missing", "why": "its command is only known when Airflow runs it"}

    def code(self, node, name, task, function=None):
        """The source of a function, with what of its file it needs."""
        function = function or self.functions.get(name)
        if function is None:
            return self.foreign(node, name, task)
        arguments = function.args
        every = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
        names = {argument.arg for argument in every} | ({arguments.kwarg.arg} if arguments.kwarg else set())
        uses = {inner.id for inner in within_function(function) if isinstance(inner, ast.Name)}
        odd = (names & {"context", "kwargs", "ti", "task_instance", "dag_run"}) | (uses & {"get_current_context", "Variable", "BaseHook", "XCom"})
        if odd:
            what = ", ".join(sorted(odd))
            self.note(node, f"it uses what only Airflow has ({what}): its step fails and says so", task)
            return {"kind": "missing", "why": f"it uses what only Airflow has ({what})"}
        needed, imports = self.needed(function)
        packages = sorted({top for top in imports if top not in sys.stdlib_module_names})
        return {
            "kind": "python",
            "function": function.name,
            "source": "\n\n".join([self.source(part) for part in needed] + [self.source(function)]),
            "packages": packages,
            "arguments": [argument.arg for argument in every],
            "modules": [module for module in packages if self.local(module)],
        }

    def foreign(self, node, name, task):
        """A function of a file beside the DAG."""
        for statement in self.module.body:
            if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                for alias in statement.names:
                    if (alias.asname or alias.name) == name and self.local(statement.module):
                        source = f"from {statement.module} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                        return {"kind": "python", "function": name, "source": source, "packages": [], "arguments": None, "modules": [statement.module]}
        self.note(node, f"`{name}` is no function of the file: its step fails and says so", task)
        return {"kind": "missing", "why": f"`{name}` is no function of its file"}

    def local(self, module):
        return "." not in module and os.path.isfile(os.path.join(self.root, module + ".py"))

    def source(self, node):
        lines = re.split("\r\n|\r|\n", self.text)
        start = node.lineno - 1
        part = lines[start:node.end_lineno]
        indent = len(part[0]) - len(part[0].lstrip())
        return "\n".join(line[indent:] if not line[:indent].strip() else line for line in part)

    def needed(self, function):
        """Statements at the top of the file that a function uses, directly or by another: imports, values, functions, classes."""
        defines = {}
        for statement in self.module.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                module = statement.module or "" if isinstance(statement, ast.ImportFrom) else ""
                for alias in statement.names:
                    if not (module or alias.name).split(".")[0] == "airflow":
                        defines[alias.asname or alias.name.split(".")[0]] = statement
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if not any(dotted(decorator).split(".")[0] in ("task", "dag", "task_group") for decorator in statement.decorator_list):
                    defines[statement.name] = statement
            elif isinstance(statement, ast.Assign) and not any(isinstance(inner, ast.Call) and named(inner).endswith(("Operator", "DAG")) for inner in ast.walk(statement)):
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        defines[target.id] = statement
        found, wait, imports = [], [function], set()
        while wait:
            for inner in within_function(wait.pop()):
                if isinstance(inner, (ast.Import, ast.ImportFrom)):
                    tops = [inner.module] if isinstance(inner, ast.ImportFrom) else [alias.name for alias in inner.names]
                    imports |= {(top or "").split(".")[0] for top in tops}
                statement = defines.get(inner.id) if isinstance(inner, ast.Name) else None
                if statement is not None and statement is not function and statement not in found:
                    found.append(statement)
                    wait.append(statement)
        return sorted(found, key=lambda statement: statement.lineno), imports - {"", "__future__"}

    def link(self, node, before, after):
        dag = None
        for item in flat(before) + flat(after):
            if isinstance(item, Task):
                dag = dag or item.dag
        if dag is None:
            if self.open and UNKNOWN in flat(before) + flat(after):
                self.note(node, "a dependency between what is not known is not taken")
            return
        ends, begins = self.border(dag, before, 0), self.border(dag, after, 1)
        if not ends or not begins:
            self.note(node, "one side of a dependency is not known: it is not taken")
        dag.edges += [[one, other] for one in ends for other in begins if [one, other] not in dag.edges]

    @staticmethod
    def border(dag, side, place):
        ids = []
        for item in flat(side):
            if isinstance(item, Task):
                ids.append(item.fields["id"])
            elif isinstance(item, Group):
                ids += item._outer(dag.edges, place)
        return ids
